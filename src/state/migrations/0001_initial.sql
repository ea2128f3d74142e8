-- Up Migration

-- The mirror: what was read from Entra. A row exists for whoever is or was assigned (with SYNC_SCOPE=all, for everyone).
create table users (
  id uuid primary key,
  attributes jsonb not null default '{}',
  -- The mapped matching value (userName), kept here so that names that change hands are found by index.
  user_name text,
  presence text not null default 'live' check (presence in ('live', 'soft_deleted', 'purged')),
  -- Graph said @removed with this reason; believed only after a direct read.
  suspect text check (suspect in ('changed', 'deleted')),
  -- Must be read directly (newly assigned, suspect, or an initial cycle has not reached it yet).
  needs_read boolean not null default false,
  in_scope boolean not null default false,
  -- An operator rejected this removal of the user; forgotten when there is nothing to remove any more.
  rejected_removal text check (rejected_removal in ('deactivate', 'delete'))
);
create index users_needs_read on users (id) where needs_read;
create index users_purged on users (id) where presence = 'purged';
create index users_out_of_scope on users (id) where not in_scope;
create index users_user_name on users (lower(user_name));

-- Whose wanted and applied user must be compared again. Never the truth itself: an initial cycle has everyone in it.
create table to_compare (
  id uuid primary key
);

create table assignments (
  principal_id uuid not null,
  app_role_id uuid not null,
  principal_type text not null,
  -- Missing from the last complete read; access ends only when a direct read confirms it.
  vanished boolean not null default false,
  -- Confirmed: the row goes together with the access it gave.
  gone boolean not null default false,
  primary key (principal_id, app_role_id)
);
create index assignments_vanished on assignments (principal_id) where vanished;
create index assignments_gone on assignments (principal_id) where gone;
create index assignments_groups on assignments (principal_id) where principal_type = 'Group';

create table group_members (
  group_id uuid not null,
  user_id uuid not null,
  vanished boolean not null default false,
  gone boolean not null default false,
  primary key (group_id, user_id)
);
create index group_members_gone on group_members (user_id) where gone;
create index group_members_user on group_members (user_id);
create index group_members_vanished on group_members (user_id) where vanished;

-- Where one read of a list that has no delta collects its pages; compared with the table above as one set.
create unlogged table assignment_listing (principal_id uuid not null, app_role_id uuid not null, principal_type text not null);
create unlogged table member_listing (user_id uuid not null);

create table cursors (
  -- 'users', or 'groups:<n>' for a chain of up to 50 groups.
  name text primary key,
  -- What the cursor was taken with (properties, tenant, scope); another fingerprint makes it useless.
  fingerprint text not null,
  delta_link text,
  next_link text,
  -- How the initial read goes: by $batch over the assigned, or the whole delta.
  initial text check (initial in ('batch', 'full')),
  issued_at timestamptz not null default now(),
  group_ids uuid[]
);

create table cycles (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('initial', 'incremental')),
  trigger text not null,
  state text not null default 'running' check (state in ('running', 'succeeded', 'partial', 'failed', 'interrupted')),
  phase text not null default 'pull',
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  counts jsonb,
  warnings jsonb not null default '[]',
  -- The newest log entry when the cycle began: its own come after it.
  log_from bigint not null,
  stop_code text,
  stop_message text,
  stop_detail text
);

create table links (
  entra_id uuid primary key,
  maptician_id text not null unique,
  user_name text not null,
  active boolean not null,
  applied jsonb not null,
  updated_at timestamptz not null default now()
);
create index links_user_name on links (lower(user_name));

create table operations (
  id bigint generated always as identity primary key,
  cycle_id bigint not null,
  entra_id uuid not null,
  kind text not null check (kind in ('create', 'update', 'reactivate', 'yield', 'deactivate', 'delete')),
  maptician_id text,
  -- What is written: the whole user for a create, what changed otherwise.
  attributes jsonb not null,
  reason text,
  -- staged: planned, and counted by the mass-removal guard before it opens; held: waits for an operator.
  state text not null check (state in ('staged', 'open', 'held', 'approved')),
  -- The cycle that held it: the name of the set that an operator approves or rejects.
  set_id bigint
);
-- At most one operation a user; a newer one supersedes it.
create unique index operations_user on operations (entra_id);
create index operations_state on operations (state, cycle_id);

create table escrow (
  entra_id uuid primary key,
  action text not null,
  code text not null,
  reason text not null,
  attempts integer not null,
  first_failed_at timestamptz not null,
  last_failed_at timestamptz not null,
  next_retry_at timestamptz not null,
  last_cycle_id bigint not null,
  -- When a mail last told of it; null while none has told of this code.
  mailed_at timestamptz
);
create index escrow_next_retry on escrow (next_retry_at);

create table provisioning_log (
  id bigint generated always as identity primary key,
  activity_at timestamptz not null default clock_timestamp(),
  cycle_id bigint not null,
  action text not null check (action in ('create', 'update', 'disable', 'delete', 'other')),
  -- What the operation was, in our words; 'read' and 'plan' for failures before there was one.
  operation text not null,
  status text not null check (status in ('success', 'failure', 'skipped', 'warning')),
  entra_id uuid not null,
  user_name text,
  maptician_id text,
  code text,
  reason text,
  -- The properties that were written, and what they were before; absent is no value.
  before jsonb not null default '{}',
  after jsonb not null default '{}'
);
create index provisioning_log_user on provisioning_log (entra_id, id);

create table notifications (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('failures', 'stopped', 'held', 'warning', 'recovery')),
  cycle_id bigint not null,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  last_error text,
  unique (kind, cycle_id)
);

-- What is wrong now, so that one incident is one mail and its end is another.
create table incidents (
  kind text primary key,
  code text not null,
  since timestamptz not null default now()
);

create table facts (
  name text primary key,
  value text not null
);
