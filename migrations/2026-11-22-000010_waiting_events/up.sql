-- Only events that wait for their numbers have a place, and only they are in this index: looking for the next ones costs the
-- same however many were told.
DROP INDEX outbox_by_position;
CREATE INDEX outbox_waiting ON outbox (position) WHERE position IS NOT NULL;
