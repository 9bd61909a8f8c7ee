DROP INDEX outbox_waiting;
CREATE INDEX outbox_by_position ON outbox (position);
