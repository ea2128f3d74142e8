-- Up Migration

-- What gives cause for a mail at any time has no cycle.
alter table notifications
  drop constraint notifications_kind_check,
  alter column cycle_id drop not null,
  -- Facts of the cause that the state forgets; no personal data.
  add column data jsonb not null default '{}';
update notifications set kind = 'quarantine' where kind = 'stopped';
alter table notifications
  add constraint notifications_kind_check
    check (kind in ('failures', 'quarantine', 'held', 'warning', 'credentials', 'recovery', 'silence'));

-- Each channel has a delivery of its own: one that is down does not repeat what another has sent.
create table deliveries (
  notification_id bigint not null references notifications on delete cascade,
  channel text not null check (channel in ('mail', 'webhook')),
  -- When it was last put into the queue.
  queued_at timestamptz,
  -- When the other side may be asked again (Retry-After).
  blocked_until timestamptz,
  -- The queue has given up for now; whoever looks later puts it in again.
  given_up_at timestamptz,
  sent_at timestamptz,
  last_error text,
  primary key (notification_id, channel)
);
create index deliveries_unsent on deliveries (notification_id) where sent_at is null;
insert into deliveries (notification_id, channel, sent_at, last_error) select id, 'mail', sent_at, last_error from notifications;
alter table notifications drop column sent_at, drop column last_error;

alter table incidents
  -- The codes that were told of: an outage that shows in two of them by turns is told of twice and no more.
  add column told text[] not null default '{}',
  -- When something new was last told of: reminders count from here.
  add column news_at timestamptz not null default now(),
  add column reminders integer not null default 0;
update incidents set kind = case kind when 'stopped' then 'quarantine' else kind end, told = array[code], news_at = since;

-- The notification that tells of a failure, and the code it had then.
alter table escrow add column told_in bigint, add column told_code text;
update escrow set told_in = 0, told_code = code where mailed_at is not null;
alter table escrow drop column mailed_at;

-- What is looked after once in a while, whichever process does it.
create table duty_runs (
  name text primary key,
  -- Since when it has been done without a gap.
  since timestamptz not null default now(),
  done_at timestamptz not null default now()
);
