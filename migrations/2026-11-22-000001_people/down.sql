DROP TABLE person_name_parts;
DROP TABLE person_names;
DROP TABLE people;
DROP TABLE settings;
