"""SourceScout without its user interface: everything here runs with no browser and no Streamlit."""
