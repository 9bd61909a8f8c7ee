DROP TABLE grants;
DROP TABLE account_users;
DROP TABLE identities;
DROP TABLE users;
