DROP INDEX roles_to_review;
DROP INDEX outbox_waiting;
CREATE INDEX outbox_by_position ON outbox (position);
