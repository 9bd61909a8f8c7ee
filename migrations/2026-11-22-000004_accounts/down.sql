DROP TABLE seen_once;
DROP TABLE refresh_tokens;
DROP TABLE codes;
DROP TABLE grants;
DROP TABLE account_users;
DROP TABLE identities;
DROP TABLE users;
