import { expect, it } from 'vitest';
import { openScimWorld } from '../pipeline/scim-world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { showConsole } from './console-world.ts';
import { scrape } from './scrape.ts';

it('tell of a cycle over SCIM: operations, requests, who was throttled, and how things stand', async () => {
  await using scim = await openScimWorld(12, { settings: { CONSOLE_LISTEN: '127.0.0.1:0' } });
  const { world, faults } = scim;
  const shown = await showConsole(world);
  const before = await scrape(shown);
  expect(before.value('maptician_sync_job_state{state="never run"}')).toBe(1);
  expect(before.value('maptician_sync_last_good_cycle_age_seconds')).toBeUndefined();
  expect(before.value('maptician_sync_requests_throttled_total{peer="graph"}')).toBe(0);

  const tooMuch = { kind: 'status', status: 429, retryAfter: 0.05 } as const;
  // On the way there, and one of those inside a batch.
  faults.inject({ path: '/servicePrincipals*', fault: tooMuch });
  faults.inject({ path: '/users/*', times: 2, fault: tooMuch });
  faults.inject({ method: 'POST', path: '/scim/v2/Users', times: 1, fault: tooMuch });
  faults.inject({ method: 'POST', path: '/scim/v2/Users', fault: { kind: 'status', status: 400 } });
  await world.sync();

  const { value } = await scrape(shown);
  const total = (name: string, labels: string) => value(`maptician_sync_${name}_total{${labels}}`);
  expect(total('cycles', 'kind="initial",state="partial"')).toBe(1);
  expect(value('maptician_sync_cycle_duration_seconds_count{kind="initial"}')).toBe(1);
  expect(total('operations', 'kind="create",result="success"')).toBe(11);
  expect(total('operations', 'kind="create",result="failure"')).toBe(1);
  expect(total('requests', 'peer="maptician",method="POST",status="201"')).toBe(11);
  expect(total('requests', 'peer="maptician",method="POST",status="429"')).toBe(1);
  expect(total('requests', 'peer="maptician",method="POST",status="400"')).toBe(1);
  expect(value('maptician_sync_request_duration_seconds_count{peer="maptician",method="POST"}')).toBe(13);
  expect(total('requests_throttled', 'peer="maptician"')).toBe(1);
  expect(total('requests_throttled', 'peer="graph"')).toBe(3);
  expect(total('request_wait_seconds', 'peer="graph"')).toBeGreaterThanOrEqual(0.1);
  const ofGraph = scim.world.sandbox.requests.entries.filter(({ service, inner }) => service === 'graph' && !inner);
  expect(total('requests', 'peer="graph",method="POST",status="200"')).toBe(
    ofGraph.filter(({ method, status }) => method === 'POST' && status === 200).length,
  );

  expect(value('maptician_sync_state_readable')).toBe(1);
  expect(value('maptician_sync_job_state{state="failing"}')).toBe(1);
  expect(value('maptician_sync_job_state{state="healthy"}')).toBe(0);
  expect(value('maptician_sync_last_good_cycle_age_seconds')).toBeLessThan(60);
  expect(value('maptician_sync_last_cycle_duration_seconds')).toBeGreaterThan(0);
  // One that has not counted before: on a busy machine that is dear, and not done again soon.
  const another = await showConsole(world);
  const active = async () => (await scrape(another)).value('maptician_sync_users{set="active"}');
  await waitUntil(async () => (await active()) === 11, { message: 'the count of active users' });
  const waiting = async () =>
    (await scrape(another)).value('maptician_sync_queue_jobs{queue="operations",state="waiting"}');
  await waitUntil(async () => (await waiting()) === 0, { message: 'the count of jobs' });
});

it('count who is out of scope, who failed by the error, what is held, and when the credential expires', async () => {
  await using scim = await openScimWorld(3, { settings: { CONSOLE_LISTEN: '127.0.0.1:0' } });
  const { world, ids } = scim;
  await world.sync();
  const { pool } = (await world.service()).database;
  await pool.query('update users set in_scope = false where id = $1', [ids[0]]);
  await pool.query('update users set filtered_out = true where id = any($1)', [ids.slice(0, 2)]);
  await pool.query(
    `insert into escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, last_cycle_id)
     values ($1, 'update', 'Conflict', '', 1, now(), now(), 1)`,
    [ids[1]],
  );
  await pool.query(
    `insert into operations (cycle_id, entra_id, kind, attributes, state, set_id) values (1, $1, 'deactivate', '{}', 'held', 1)`,
    [ids[0]],
  );
  await pool.query(`insert into facts (name, value) values ('credential', $1)`, [
    JSON.stringify({
      clientId: world.settings.AZURE_CLIENT_ID,
      kind: 'secret',
      keyId: 'k',
      expiresAt: '2030-01-01T00:00:00Z',
    }),
  ]);
  const shown = await showConsole(world);
  const mirrored = async () => (await scrape(shown)).value('maptician_sync_users{set="mirrored"}');
  await waitUntil(async () => (await mirrored()) === 3, { message: 'the counts' });
  const { value } = await scrape(shown);
  expect(value('maptician_sync_users{set="in_scope"}')).toBe(1);
  expect(value('maptician_sync_escrow_users{code="Conflict"}')).toBe(1);
  expect(value('maptician_sync_pending_operations{kind="deactivate",state="held"}')).toBe(1);
  expect(value('maptician_sync_job_state{state="held"}')).toBe(1);
  expect(value('maptician_sync_credential_expiry_timestamp_seconds{kind="secret"}')).toBe(1893456000);
});
