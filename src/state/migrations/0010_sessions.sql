-- Up Migration

-- Who is signed in to the console, for all replicas. Rows that ended are deleted by whoever signs in next.
create table sessions (
  -- Of the cookie's secret, keyed by what somebody signed in with: whoever reads this table cannot act as anybody.
  hash bytea primary key,
  name text not null,
  role text not null check (role in ('reader', 'operator')),
  begun_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);
