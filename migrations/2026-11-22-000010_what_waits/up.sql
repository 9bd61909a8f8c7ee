-- Only events that wait for their numbers have a place, and only they are in this index: looking for the next ones costs the
-- same however many were told.
DROP INDEX outbox_by_position;
CREATE INDEX outbox_waiting ON outbox (position) WHERE position IS NOT NULL;
-- So with the roles that somebody is to look at again: the search by tag asks for this expression.
CREATE INDEX roles_to_review ON roles ((CASE WHEN needs_review THEN 'review-due' END), id)
    WHERE (CASE WHEN needs_review THEN 'review-due' END) IS NOT NULL;
