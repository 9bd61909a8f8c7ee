-- The names of people stay folded as they are: an older program finds all of them but those with letters such as ß.
ALTER TABLE subscriptions DROP COLUMN criteria_folded;
ALTER TABLE relationship_codes DROP COLUMN display_folded;
