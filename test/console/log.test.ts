/** The provisioning log in the console: who and what is found, one entry, and files of it. */
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { csvFiles } from '../../src/log-export/csv.ts';
import { readLog, writeLog } from '../../src/state/provisioning-log.ts';
import { entryOf } from '../provisioning-log/entries.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld } from './console-world.ts';

/** Three people who are provisioned, and one of them again with a new title. */
async function openLogged() {
  const opened = await openConsoleWorld(3);
  const { world, tenant, ids } = opened;
  await world.sync();
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  await world.sync();
  const { pool } = (await world.service()).database;
  return { ...opened, pool };
}

describe('the log', () => {
  it('shows what was done, newest first, and what a filter leaves of it', async () => {
    const { console, ids } = await openLogged();
    const all = await console.read('/log');
    expect(all.match(/ success (create|update) /g)).toEqual([
      ' success update ',
      ...Array.from({ length: 3 }, () => ' success create '),
    ]);
    expect(all).toContain('person1@contoso.example title: – → Surveyor');
    expect(await console.read('/log?action=update')).not.toContain('create person');
    expect(await console.read(`/log?user=${ids[1]}`)).toMatch(/Entries of person2@contoso\.example .*success create/);
    expect(await console.read('/log?cycle=2')).not.toContain('success create');
    expect(await console.read('/log?status=failure')).toContain('No entry matches.');
    expect(await console.read('/log?since=1h&until=1m')).toContain('No entry matches.');
  });

  it.each([
    ['since=yesterday', 'A time is written as 2026-11-24 08:00 (UTC)'],
    ['user=ada@contoso.example', 'A user is named by the object id here'],
    ['cycle=0&status=failed', 'The status is one of success, failure'],
    ['before=x', 'This page of the log is not known.'],
  ])('says what is wrong with %s', async (query, mistake) => {
    const { console } = await openConsoleWorld(1);
    expect((await console.fetch(`/log?${query}`)).status).toBe(400);
    expect(await console.read(`/log?${query}`)).toContain(mistake);
  });

  it('finds a user by a name that never stands in a URL', async () => {
    const { console, ids, pool } = await openLogged();
    const search = (name: string) => console.post('/log/search', { name, status: 'success', before: '7' });
    const found = await search('PERSON2@contoso.example');
    expect([found.status, found.headers.get('location')]).toEqual([303, `/log?user=${ids[1]}&status=success`]);
    const nobody = await search('nobody@contoso.example');
    expect([nobody.status, await nobody.text()]).toEqual([200, expect.stringContaining('Nobody has the userName')]);

    const former = [entryOf({ userName: 'two@contoso.example' }), entryOf({ userName: 'two@contoso.example' })];
    const others = ['5204c1d1-4712-4c46-a7d9-3ed63d992682', '7204c1d1-4712-4c46-a7d9-3ed63d992682'];
    await writeLog(
      pool,
      1,
      former.map((entry, index) => ({ ...entry, entraId: others[index] ?? '' })),
    );
    const several = await (await search('two@contoso.example')).text();
    for (const id of others) expect(several).toContain(`/log?user=${id}&amp;status=success`);
    expect((await console.post('/log/search', { name: ' ' })).status).toBe(400);
  });
});

describe('an entry', () => {
  it('has steps, modified properties, summary, and the way to its neighbours', async () => {
    const { console, pool, ids } = await openLogged();
    const [update, ...creates] = await readLog(pool, { user: ids[0] });
    const page = await console.read(`/log/${update?.id}`);
    expect(page).toMatch(/success import .* scoping .* matching .* processing .* export EntryExportUpdate/);
    expect(page).toContain('title – Surveyor');
    expect(page).toMatch(/Cycle 2 Initiated by maptician-sync sync Took \d+ milliseconds? Change id [0-9a-f-]{36}/);
    expect(page).toMatch(/Older entry of this user All entries/);
    expect(await (await console.fetch(`/log/${update?.id}`)).text()).toContain(`/log/${creates[0]?.id}"`);
    expect(await console.read(`/log/${creates[0]?.id}`)).toContain('Newer entry of this user');
    expect((await console.fetch('/log/999')).status).toBe(404);
  });

  it('of a failure says what to do', async () => {
    const { console, pool } = await openLogged();
    await writeLog(pool, 2, [
      entryOf({ status: 'failure', code: 'Conflict', reason: '<b>taken</b>', httpStatus: 409 }),
    ]);
    const [entry] = await readLog(pool, { status: 'failure' });
    const page = await console.read(`/log/${entry?.id}`);
    expect(page).toContain('Conflict : <b>taken</b> Another account holds a value that must be unique.');
    expect(page).toMatch(/HTTP status 409 Attempt the first/);
  });
});

describe('a download', () => {
  it('has in each form the same entries as the page and what is older, and none that came later', async () => {
    const { console, pool } = await openLogged();
    await writeLog(pool, 2, [entryOf({ reason: '=cmd|calc', after: { title: 'Surveyor, "senior"\nof Utrecht' } })]);
    const html = await (await console.fetch('/log?status=success')).text();
    const links = [...html.matchAll(/href="(\/log\/download\/[^"]+)"/g)].map(([, link = '']) =>
      link.replaceAll('&amp;', '&'),
    );
    await writeLog(pool, 2, [entryOf({ reason: 'later' })]);
    const files = new Map<string, string>();
    for (const link of links) {
      const answer = await console.fetch(link);
      expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w]+|-\d{8}T\d{4}Z\.\w+"$/);
      files.set(link.slice('/log/download/'.length, link.indexOf('?')), await answer.text());
    }
    const [logs = [], steps = [], properties = []] = csvFiles.map((name) => parseCsv(files.get(`${name}.csv`) ?? ''));
    expect(logs.map(({ provisioningAction }) => provisioningAction)).toEqual([
      'update',
      'update',
      'create',
      'create',
      'create',
    ]);
    expect(logs[0]?.reason).toBe("'=cmd|calc");
    const changes = logs.map(({ changeId }) => changeId);
    expect([...new Set(steps.map(({ changeId }) => changeId))]).toEqual(changes);
    expect(properties[0]).toMatchObject({ changeId: changes[0], newValue: 'Surveyor, "senior"\nof Utrecht' });
    const json = JSON.parse(files.get('provisioning-log.json') ?? '') as { changeId: string }[];
    expect(json.map(({ changeId }) => changeId)).toEqual(changes);
    expect(`[${files.get('provisioning-log.ndjson')?.trim().replaceAll('\n', ',')}]`).toBe(JSON.stringify(json));
  });

  it('of nothing is a file all the same, and an unknown one is not found', async () => {
    const { console } = await openConsoleWorld(1);
    expect(await (await console.fetch('/log/download/provisioning-log.json')).text()).toBe('[]\n');
    expect((await console.fetch('/log/download/toString')).status).toBe(404);
    expect((await console.fetch('/log/download/provisioning-log.json?since=x')).status).toBe(400);
  });

  it('that is cut off has no end, and the log of the service says so', async () => {
    const { console, pool, world } = await openLogged();
    await addEntries(pool);
    const answer = await console.fetch('/log/download/provisioning-log.json');
    const reader = answer.body?.getReader();
    await reader?.read();
    await world.pool.query(`alter table maptician_sync.provisioning_log rename to gone`);
    await expect(drain(reader)).rejects.toThrow();
    expect(world.log.join('')).toContain('a download of the provisioning log was cut off');
  });

  it('ends when its reader goes away', async () => {
    const { console, pool } = await openLogged();
    await addEntries(pool);
    let statements = 0;
    pool.on('acquire', () => {
      statements += 1;
    });
    const look = async () => {
      const before = statements;
      await console.read('/log?status=warning');
      return statements - before;
    };
    const undisturbed = await look();
    statements = 0;
    const leave = new AbortController();
    const answer = await console.fetch('/log/download/provisioning-log.ndjson', { signal: leave.signal });
    const reader = answer.body?.getReader();
    await reader?.read();
    leave.abort();
    await expect(reader?.closed).rejects.toThrow();
    await waitUntil(async () => (await look()) === undisturbed);
    // All of it would have been sixty.
    expect(statements).toBeLessThan(40);
  });
});

/** Thirty thousand, of which a reader has to read on for the rest. */
async function addEntries(pool: pg.Pool): Promise<void> {
  await pool.query(
    `insert into provisioning_log (cycle_id, action, operation, status, entra_id)
     select 1, 'update', 'update', 'success', gen_random_uuid() from generate_series(1, 30000)`,
  );
}

async function drain(reader: ReadableStreamDefaultReader | undefined): Promise<void> {
  while (reader !== undefined && !(await reader.read()).done);
}
