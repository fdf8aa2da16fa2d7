-- The tables of version 1 of the database. Specifications, reports and results are JSON texts: their shape
-- belongs to the module that writes them; what is searched for has a column.
CREATE TABLE schema_version (version INTEGER NOT NULL);

CREATE TABLE project (
    id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    synthetic BOOLEAN NOT NULL,
    created TIMESTAMP NOT NULL
);

CREATE TABLE target (
    id VARCHAR PRIMARY KEY,
    project_id VARCHAR NOT NULL,
    spec VARCHAR NOT NULL,             -- TOML, as exported
    created TIMESTAMP NOT NULL
);

CREATE TABLE checkpoint (
    id VARCHAR PRIMARY KEY,
    project_id VARCHAR NOT NULL,
    spec VARCHAR NOT NULL,             -- TOML, as exported
    report VARCHAR NOT NULL,           -- what checking it found; '{}' before
    created TIMESTAMP NOT NULL
);

CREATE TABLE run (
    id VARCHAR PRIMARY KEY,
    target_id VARCHAR NOT NULL,
    folder VARCHAR NOT NULL,
    shipped BOOLEAN NOT NULL,          -- computed elsewhere and delivered with its results (the demo)
    summary VARCHAR NOT NULL,          -- the plan without its list of images
    created TIMESTAMP NOT NULL
);

CREATE TABLE score (
    run_id VARCHAR NOT NULL,
    key VARCHAR NOT NULL,              -- hash of everything that determines the score
    metric VARCHAR NOT NULL,
    candidate VARCHAR NOT NULL,
    result VARCHAR NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE TABLE image (
    source VARCHAR NOT NULL,           -- what the target's `images` points to
    id VARCHAR NOT NULL,
    width INTEGER,
    height INTEGER,
    color VARCHAR,
    pixel_hash VARCHAR,
    signature VARCHAR,                 -- 128 bits that near-duplicates share; no image can be made from it
    error VARCHAR,
    note VARCHAR,                      -- what of the file was not taken: further pages, full size
    stamp VARCHAR
);
CREATE INDEX image_source ON image (source);
