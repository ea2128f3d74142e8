-- Up Migration

-- Where Maptician differs from what was applied, as the last check found it. The values stand in the provisioning log.
create table drift (
  entra_id uuid primary key,
  kind text not null check (kind in ('access', 'missing', 'changed')),
  -- A hash of what was found: another one is news.
  found text not null,
  -- The check that saw it last; who is not seen any more goes.
  check_id bigint not null,
  repaired boolean not null,
  -- The cycle among whose warnings it was told of.
  told_in bigint
);

create table drift_checks (
  id bigint generated always as identity primary key,
  action text not null check (action in ('report', 'repair')),
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  counts jsonb,
  stop_code text,
  stop_message text
);

-- The matching values beside the userName of the mirror's users without an account, as `attribute=value` in lower case,
-- while accounts are sorted.
create unlogged table match_values (
  value text not null,
  entra_id uuid not null
);
create index match_values_value on match_values (value);
