-- The files of the access journal of an SQLite database (docs/operator.md, "The access journal"): each is a segment of
-- lines that were flushed to the disk before the accesses in them were answered, and up to `position` they stand in
-- `audit_records` as well. On PostgreSQL the table stays empty: accesses are written to `audit_records` at once.
CREATE TABLE access_segments (
    -- The name of the file.
    id TEXT NOT NULL PRIMARY KEY,
    -- The order in which segments were begun.
    number BIGINT NOT NULL UNIQUE,
    -- How many bytes of the file are indexed, and the hash of the last line among them.
    position BIGINT NOT NULL,
    hash TEXT NOT NULL,
    -- How many bytes of lines it holds; null while its process writes to it, and where that was killed.
    length BIGINT,
    -- The file is being removed: all of it is indexed.
    is_removed BOOLEAN NOT NULL
);
