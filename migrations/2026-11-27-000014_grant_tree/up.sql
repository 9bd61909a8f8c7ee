-- Grants form a tree: a grant that an app got in exchange for a token of another grant has that one as its parent, and is
-- revoked with it. Null for a root, and for what a program without this column exchanges while the upgrade runs.
ALTER TABLE grants ADD COLUMN parent_id TEXT;
-- The APIs that the tokens of a grant are for (RFC 8707), with spaces between; null for every API of this server.
ALTER TABLE grants ADD COLUMN audience TEXT;
-- The grant of the token with which a binding token was asked for: the binding token is revoked with it.
ALTER TABLE binding_tokens ADD COLUMN grant_id TEXT;
-- Where an app that has registered itself may send people after they have logged out, one in each line; null for nowhere.
ALTER TABLE apps ADD COLUMN logout_uris TEXT;

-- Acting grants were revoked with the user's own grant of the same app: the latest one before them becomes their parent.
UPDATE grants SET parent_id = (
    SELECT own.id FROM grants own
    WHERE own.user_id = grants.user_id AND own.app = grants.app AND own.role_id IS NULL
    AND own.created_at <= grants.created_at
    ORDER BY own.created_at DESC, own.id DESC LIMIT 1
) WHERE role_id IS NOT NULL AND user_id IS NOT NULL;

-- Serves "which grants were exchanged from this one?", for the revocation of the whole tree.
CREATE INDEX grants_by_parent ON grants (parent_id);
-- Serves the revocation of what was given for a grant.
CREATE INDEX binding_tokens_by_grant ON binding_tokens (grant_id);
