DROP INDEX people_died;
ALTER TABLE people DROP COLUMN version;
ALTER TABLE people DROP COLUMN died_at;
