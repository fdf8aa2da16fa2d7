-- What version 3 adds: what people say of data sets. `data_set` is the key of a source's record, or 'target:' and the id
-- of a target; what is said of a source holds for all targets of the project.
CREATE TABLE answer (
    project_id VARCHAR NOT NULL,
    person VARCHAR NOT NULL,           -- a pseudonym or a number
    data_set VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    version INTEGER NOT NULL,          -- of the questionnaire
    PRIMARY KEY (project_id, person, data_set, question)
);

CREATE TABLE placed (
    project_id VARCHAR NOT NULL,
    data_set VARCHAR NOT NULL,
    property VARCHAR NOT NULL,         -- of the taxonomy, unknown from the record or description
    value VARCHAR NOT NULL,
    PRIMARY KEY (project_id, data_set, property)
);
