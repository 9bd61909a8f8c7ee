DROP TABLE access_request_versions;
DROP TABLE access_requests;
DROP TABLE role_versions;
DROP TABLE roles;
DROP TABLE relationship_codes;
DROP TABLE relationship_versions;
DROP TABLE relationships;
