-- Up Migration

-- A saved plan beside what would be done now, while a cycle carries it out: object ids and fingerprints, no values. One
-- cycle runs at a time, and it empties both first. Unlogged: after a crash the next one begins anew.
create unlogged table planned_operations (
  source text not null check (source in ('saved', 'now')),
  entra_id uuid not null,
  action text not null,
  -- Whether it waits for an operator; null where one has approved it.
  held boolean,
  -- Of what is written to which account.
  hash text not null,
  -- Of the operation as it will stand in the outbox; only of what would be done now.
  payload text,
  primary key (source, entra_id, action)
);
