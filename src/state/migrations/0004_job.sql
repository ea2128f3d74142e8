-- Up Migration

-- The job as a whole: whether it is paused or in quarantine, and what a restart is to reset. Exactly one row.
create table job (
  only_one boolean primary key default true check (only_one),
  paused_at timestamptz,
  -- Since when it is in quarantine, why in Microsoft's word, and the error behind it where there is one.
  quarantined_at timestamptz,
  quarantine_reason text,
  quarantine_code text,
  quarantine_message text,
  -- How often in a row it could not leave it.
  quarantine_count integer not null default 0,
  -- When it is tried again by itself; null in quarantine means: not before somebody says so.
  next_attempt_at timestamptz,
  -- In quarantine for four weeks: nothing is tried any more.
  disabled_at timestamptz,
  -- So many failed in an initial cycle that their escrows were cleared.
  escrows_pruned boolean not null default false,
  -- What the next cycle resets first.
  restart_scope text[] not null default '{}'
);
insert into job default values;

alter table cycles
  drop constraint cycles_kind_check,
  add constraint cycles_kind_check check (kind in ('initial', 'incremental', 'on_demand')),
  -- How far the phase is; the total is unknown while a list is still being read.
  add column progress_done bigint,
  add column progress_total bigint,
  add column progress_at timestamptz;

-- Null: not tried again by itself any more, four weeks after the first failure.
alter table escrow alter column next_retry_at drop not null;
create index escrow_last_cycle on escrow (last_cycle_id);
