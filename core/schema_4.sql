-- What version 4 adds: what people believe before they see the evidence. `person` is a hash of a private code.
ALTER TABLE project ADD COLUMN creator VARCHAR;   -- a person; NULL for projects from before

CREATE TABLE pseudonym (
    project_id VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    PRIMARY KEY (project_id, person)
);

CREATE TABLE response (
    target_id VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    revision INTEGER NOT NULL,         -- a person's submissions, from 1; none is ever changed
    content VARCHAR NOT NULL,
    submitted TIMESTAMP NOT NULL,      -- UTC
    PRIMARY KEY (target_id, person, revision)
);

CREATE TABLE draft (
    target_id VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    content VARCHAR NOT NULL,
    PRIMARY KEY (target_id, person)
);

CREATE TABLE skipped (                 -- who looked at the evidence without writing anything down first
    target_id VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    since TIMESTAMP NOT NULL,
    PRIMARY KEY (target_id, person)
);

CREATE TABLE inquiry (                 -- what is asked about a target; `opened`: its evidence is covered for nobody
    target_id VARCHAR PRIMARY KEY,
    sources VARCHAR NOT NULL,
    asked VARCHAR NOT NULL,            -- key and version of the question set
    opened BOOLEAN NOT NULL
);

CREATE TABLE question_set (            -- those that were imported
    name VARCHAR PRIMARY KEY,          -- key and version
    spec VARCHAR NOT NULL
);

CREATE TABLE turn (                    -- how often a browser was passed on to the next person
    browser VARCHAR PRIMARY KEY,       -- a hash
    number INTEGER NOT NULL
);
