-- Up Migration

-- What Maptician holds instead of what it was given, by attribute: it is not sent again until it changes in Entra.
alter table links add column kept jsonb not null default '{}';

alter table provisioning_log
  add column http_status integer,
  -- How often this user has failed in a row, this time included.
  add column attempt integer;

alter table escrow
  add column http_status integer,
  -- A hash of what was refused: the very same is not sent again before the retry comes due.
  add column payload text,
  -- The Entra user whose account stands in the way: when that account changes, this user is tried again.
  add column waits_for uuid;

-- How often in this cycle Maptician said that a value of the user is another account's.
alter table to_compare add column contested integer not null default 0;
alter table operations add column contested integer not null default 0;
create index links_work_email on links (lower(applied->>'emails[type eq "work"].value'));

-- The pace of requests to Maptician, one row for all workers. Unlogged: after a crash it begins anew.
create unlogged table request_pace (
  store text primary key,
  -- Requests a second, now; below the threshold it grows fast, above it slowly.
  rate double precision not null,
  threshold double precision not null,
  -- When the next request may go, and until when none may (Retry-After).
  next_at timestamptz not null,
  blocked_until timestamptz not null,
  slowed_at timestamptz not null
);

-- Maptician's accounts as one listing had them, for the length of a cycle.
create unlogged table listed_accounts (
  id text primary key,
  user_name text not null,
  work_email text,
  attributes jsonb not null
);
create index listed_accounts_user_name on listed_accounts (lower(user_name));
create index listed_accounts_work_email on listed_accounts (lower(work_email));

-- At most one row: what the accounts above were listed for. Without it they are not to be trusted.
create unlogged table account_listing (
  only_one boolean primary key default true check (only_one),
  cycle_id bigint not null,
  -- Every account the server says it has was seen: only then is absence a fact.
  complete boolean not null
);
