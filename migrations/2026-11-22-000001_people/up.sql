-- Every time in this schema is a BIGINT: milliseconds since 1970-01-01T00:00:00Z. Both databases
-- keep, order and index it alike.

-- What the operator needs to know about the database itself.
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- The people of the national registry, as far as we know them.
CREATE TABLE people (
    nhs_number TEXT NOT NULL PRIMARY KEY,
    -- Only a person whose standing is 'current' appears in an answer.
    standing TEXT NOT NULL CHECK (standing IN ('current', 'superseded', 'invalidated', 'restricted')),
    -- A FHIR date: YYYY, YYYY-MM or YYYY-MM-DD.
    birth_date TEXT,
    -- The first and last millisecond of it.
    birth_from BIGINT,
    birth_to BIGINT,
    -- ODS code of the practice where the person is registered.
    practice TEXT,
    updated_at BIGINT NOT NULL
);

-- The names of a person, the usual one first.
CREATE TABLE person_names (
    nhs_number TEXT NOT NULL REFERENCES people (nhs_number),
    position INTEGER NOT NULL,
    name_use TEXT NOT NULL CHECK (name_use IN ('usual', 'temp', 'nickname', 'old', 'maiden')),
    family TEXT,
    -- JSON arrays of strings.
    given TEXT NOT NULL,
    prefix TEXT NOT NULL,
    suffix TEXT NOT NULL,
    PRIMARY KEY (nhs_number, position)
);

-- The parts of a person's names, in the form in which they are searched: lower case, without accents,
-- letters and digits only.
CREATE TABLE person_name_parts (
    nhs_number TEXT NOT NULL REFERENCES people (nhs_number),
    position INTEGER NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('family', 'given', 'prefix', 'suffix')),
    value TEXT NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (nhs_number, position)
);

-- Serves searches for Patients by name.
CREATE INDEX person_name_parts_by_folded ON person_name_parts (folded, part);
-- Serves searches for Patients by practice, by birth date, and by time of change.
CREATE INDEX people_by_practice ON people (practice, nhs_number);
CREATE INDEX people_by_birth ON people (birth_from, nhs_number);
CREATE INDEX people_by_update ON people (updated_at, nhs_number);
