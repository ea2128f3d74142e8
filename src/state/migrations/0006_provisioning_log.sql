-- Up Migration

-- The provisioning log by months, so that what is old is dropped and never deleted row by row.
alter table provisioning_log rename to provisioning_log_before;
create sequence provisioning_log_ids;
create table provisioning_log (
  id bigint not null default nextval('provisioning_log_ids'),
  activity_at timestamptz not null default clock_timestamp(),
  cycle_id bigint not null,
  action text not null constraint provisioning_log_action
    check (action in ('create', 'update', 'disable', 'delete', 'stageddelete', 'other')),
  -- What the operation was, in our words; 'read' and 'plan' for failures before there was one.
  operation text not null,
  status text not null constraint provisioning_log_status
    check (status in ('success', 'failure', 'skipped', 'warning')),
  entra_id uuid not null,
  user_name text,
  maptician_id text,
  code text,
  reason text,
  -- The properties that were written, and what they were before; absent is no value.
  before jsonb not null default '{}',
  after jsonb not null default '{}',
  http_status integer,
  -- How often this user has failed in a row, this time included.
  attempt integer,
  -- From the begin of the transaction, in which a job loads its operations, carries them out and writes this.
  duration_ms integer default (extract(epoch from clock_timestamp() - now()) * 1000)::integer,
  -- Ids are given out before they are committed: only by this is it known what nobody will write any more.
  xact_id xid8 not null default pg_current_xact_id(),
  primary key (id, activity_at)
) partition by range (activity_at);
alter sequence provisioning_log_ids owned by provisioning_log.id;

-- Months are made before they begin; whatever has none is here.
create table provisioning_log_default partition of provisioning_log default;

create function add_log_partition(month date) returns void language plpgsql as $$
begin
  execute format('create table if not exists %I partition of provisioning_log for values from (%L) to (%L)',
    'provisioning_log_' || to_char(month, 'YYYY_MM'),
    month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
end
$$;

select add_log_partition(month::date)
from (select min(activity_at) at time zone 'UTC' as first, max(activity_at) at time zone 'UTC' as last
      from provisioning_log_before) found,
  generate_series(date_trunc('month', first), last, interval '1 month') as month;

insert into provisioning_log (id, activity_at, cycle_id, action, operation, status, entra_id, user_name, maptician_id,
  code, reason, before, after, http_status, attempt, duration_ms)
select id, activity_at, cycle_id, action, operation, status, entra_id, user_name, maptician_id,
  code, reason, before, after, http_status, attempt, null
from provisioning_log_before;
select setval('provisioning_log_ids', coalesce(max(id), 0) + 1, false) from provisioning_log_before;
drop table provisioning_log_before;

create index provisioning_log_user on provisioning_log (entra_id, id);
create index provisioning_log_cycle on provisioning_log (cycle_id, id);
create index provisioning_log_troubles on provisioning_log (id) where status <> 'success';
create index provisioning_log_xact on provisioning_log (xact_id, id);

create function refuse_log_change() returns trigger language plpgsql as $$
begin
  raise exception 'The provisioning log is only appended to.' using errcode = 'insufficient_privilege',
    hint = 'LOG_RETENTION_DAYS drops what is old.';
end
$$;
create trigger provisioning_log_append_only before update or delete on provisioning_log
  for each row execute function refuse_log_change();
create trigger provisioning_log_no_truncate before truncate on provisioning_log
  for each statement execute function refuse_log_change();
