"""Documents that leave the app: self-contained, with settings and hashes."""
