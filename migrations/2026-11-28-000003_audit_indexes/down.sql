DROP INDEX audit_records_by_outcome;
CREATE INDEX audit_records_by_outcome ON audit_records (outcome, id);
DROP INDEX audit_records_by_patient;
CREATE INDEX audit_records_by_patient ON audit_records (patient, id);
DROP INDEX audit_records_by_subject;
CREATE INDEX audit_records_by_subject ON audit_records (subject, subject_version);
