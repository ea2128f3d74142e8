-- Up Migration

-- Does not pass the scoping filters; together with in_scope it decides about access. Never set for who was not read.
alter table users add column filtered_out boolean not null default false;
-- The app roles of the user's own and of its groups' assignments, where a mapping asks for them.
alter table users add column roles jsonb not null default '[]';
-- Whose manager changed is read again.
create index users_manager on users ((attributes->'manager'->>'id')) where attributes ? 'manager';
create index users_filtered_out on users (id) where filtered_out;

-- The attributes whose values are written but shown nowhere, of what was applied and of what is to be written.
alter table links add column redacted text[] not null default '{}';
alter table operations
  add column redacted text[] not null default '{}',
  -- Of a create: which attributes reach an account that is there already in another way, and how.
  add column flow_rules jsonb not null default '{}';

-- The values by which accounts are matched beside the userName, as `attribute=value` in lower case.
alter table listed_accounts add column match_values text[] not null default '{}';
create index listed_accounts_match_values on listed_accounts using gin (match_values);
