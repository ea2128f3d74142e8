-- Up Migration

-- What is looked for when somebody is searched: names and addresses, folded. Written where the mirror writes a user; a running
-- service fills it for rows from before.
alter table users add column search text;
