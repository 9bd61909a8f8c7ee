-- The events that had been committed, but had no numbers yet, when a subscription began: it hears none of them. A row goes
-- when its event gets its numbers.
CREATE TABLE unheard_events (
    event_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    PRIMARY KEY (event_id, subscription_id)
);
