-- Up Migration

-- What waits for an operator: one row a set, under the number of the cycle that held it (operations.set_id).
create table held_sets (
  id bigint primary key,
  held_at timestamptz not null default now(),
  -- Unanswered by then, it is renewed under another number, and told of again.
  expires_at timestamptz not null,
  -- The limits that were passed, in words.
  reason text not null,
  -- Nothing else is carried out either until it is answered (WHEN_HELD=stop).
  stops boolean not null default false
);

-- An operator's word on one user, about exactly what was shown: the fingerprint of the operation. A rejected removal is
-- in users.rejected_removal instead.
create table answers (
  entra_id uuid primary key,
  answer text not null check (answer in ('approved', 'rejected')),
  payload text not null,
  -- Of an approval; a rejection holds until something else is to be done.
  expires_at timestamptz
);

-- Why a rejected removal was to be; for another reason it is planned anew.
alter table users add column rejected_reason text;

-- The removals that the guard let through without asking anybody, for the limits over a day.
create table removals (
  entra_id uuid primary key,
  let_through_at timestamptz not null default now()
);
create index removals_let_through_at on removals (let_through_at);

-- Since when an account is inactive because of us; null while it is active, or where somebody else did it.
alter table links add column deactivated_at timestamptz;
update links set deactivated_at = updated_at where not active;
create index links_deactivated_at on links (deactivated_at) where deactivated_at is not null;

-- Each time somebody pulled a lever. Only appended to.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  subject text,
  detail jsonb not null default '{}'
);
