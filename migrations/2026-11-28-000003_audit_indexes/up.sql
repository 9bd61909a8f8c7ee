-- Fewer random writes for each access (docs/performance.md). An access to a role by a caller who may see it names the role's
-- patient: the record is found through that person, so `audit_records_by_subject` leaves it out. A search by subject reads both
-- (store::search::record); its condition must be written as it stands here, for the planners to use the index.
DROP INDEX audit_records_by_subject;
CREATE INDEX audit_records_by_subject ON audit_records (subject, subject_version)
    WHERE subject_version IS NOT NULL OR patient IS NULL OR SUBSTR(subject, 1, 8) <> 'Consent/';

-- With the subject, so that the records of a role are found among those of its patient without reading a row.
DROP INDEX audit_records_by_patient;
CREATE INDEX audit_records_by_patient ON audit_records (patient, id, subject);

-- Most of what is done succeeds: a search for it finds enough in the order of ids.
DROP INDEX audit_records_by_outcome;
CREATE INDEX audit_records_by_outcome ON audit_records (outcome, id) WHERE outcome <> '0';
