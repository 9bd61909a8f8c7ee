DROP TABLE person_names;
DROP TABLE people;
DROP TABLE settings;
