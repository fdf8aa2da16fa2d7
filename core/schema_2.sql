-- What version 2 adds: records of source data sets that users wrote, and the shortlist of each target.
CREATE TABLE source (
    key VARCHAR PRIMARY KEY,
    spec VARCHAR NOT NULL,             -- TOML, as exported
    created TIMESTAMP NOT NULL
);

CREATE TABLE shortlist (
    number INTEGER PRIMARY KEY,        -- the order of the decisions
    target_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,           -- key of the record
    verdict VARCHAR NOT NULL,          -- 'in', 'out' or 'open'
    criterion VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    made TIMESTAMP NOT NULL
);
