-- Up Migration

-- The users of a held set, page by page. What is never held is in neither.
create index operations_held on operations (set_id, entra_id) where state = 'held';
create index users_rejected on users (id) where rejected_removal is not null;
