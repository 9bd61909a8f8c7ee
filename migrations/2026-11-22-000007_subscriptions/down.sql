DROP TABLE attempts;
DROP TABLE subscription_events;
DROP TABLE deliveries;
DROP TABLE subscription_versions;
DROP TABLE subscriptions;
