-- Up Migration

-- The few among many, for lists of them. Each has an entry only for whom it is about, so that a cycle hardly notices them.
create index links_inactive on links (entra_id) where not active;
create index users_without_access on users (id)
  where not in_scope or filtered_out or presence <> 'live' or coalesce(attributes->>'accountEnabled', 'true') = 'false';

-- Whom nobody can be searched by yet: from before there was such a column, or read by an older worker. Whoever is to be read
-- gets theirs then.
create index users_without_search on users (id) where search is null and not needs_read;
