-- The words of a code, and the criteria of a subscription, as searches compare them: without letter case and accents, as
-- Unicode has it. Null where the text is all ASCII, whose lower case both databases know, and in rows that a program without
-- these columns writes: `migrate up` fills in what is missing each time it runs, and folds the names of people anew.
ALTER TABLE relationship_codes ADD COLUMN display_folded TEXT;
ALTER TABLE subscriptions ADD COLUMN criteria_folded TEXT;
