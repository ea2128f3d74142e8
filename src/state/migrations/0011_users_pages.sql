-- What is looked for when somebody is searched: names and addresses, folded. Written where the mirror writes a user; rows from
-- before have none until they are next read, and are found by user_name alone.
alter table users add column search text;

-- The few among many, for lists of them. Each has an entry only for whom it is about, so that a cycle hardly notices them.
create index links_inactive on links (entra_id) where not active;
create index users_without_access on users (id)
  where not in_scope or filtered_out or presence <> 'live' or coalesce(attributes->>'accountEnabled', 'true') = 'false';
