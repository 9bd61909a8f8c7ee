DROP INDEX binding_tokens_by_grant;
DROP INDEX grants_by_parent;
ALTER TABLE apps DROP COLUMN logout_uris;
ALTER TABLE binding_tokens DROP COLUMN grant_id;
ALTER TABLE grants DROP COLUMN audience;
ALTER TABLE grants DROP COLUMN parent_id;
