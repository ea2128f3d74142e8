/** Updates of many users in one transaction, in sets. */
import pg from 'pg';
import { SyncError } from '../../errors.ts';
import type { StoreResult, UpdateRequest } from '../user-store.ts';
import { type Column, columns, columnType, toColumns } from './columns.ts';
import { writeInHalves } from './halves.ts';
import { type NameChange, planNameChanges } from './name-changes.ts';
import { nameConflict, refusal } from './refusal.ts';

const lockNotAvailable = '55P03';

interface Row {
  readonly id: string;
}

/** What one try at a batch came to. */
interface Attempt {
  readonly changed: ReadonlySet<string>;
  readonly conflicts: ReadonlySet<string>;
  readonly failures: ReadonlyMap<UpdateRequest, pg.DatabaseError>;
  /** True where names pass between users of the batch, or are fought over, so that one failure touches others. */
  readonly entangled: boolean;
}

/**
 * Carries out updates within the transaction of `client`. Only what is given is written, and only where it differs, so
 * a repetition changes nothing. Each id may stand once.
 */
export async function updateUsers(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<StoreResult[]> {
  const currentNames = await lock(client, requests);
  const results = await notLocked(
    client,
    requests.filter((request) => !currentNames.has(request.id)),
  );
  let open = requests.filter((request) => currentNames.has(request.id));
  for (;;) {
    await client.query('savepoint attempt');
    const { changed, conflicts, failures, entangled } = await attempt(client, open, currentNames);
    for (const [request, error] of failures) results.push(refusal(request.key, error));
    open = open.filter((request) => !failures.has(request));
    if (failures.size > 0 && entangled) {
      // Who failed takes no name and leaves none, so who has which is worked out anew without them.
      await client.query('rollback to savepoint attempt');
      continue;
    }
    for (const { key, id } of open) {
      results.push(conflicts.has(id) ? nameConflict(key) : { key, outcome: 'done', id, changed: changed.has(id) });
    }
    return results;
  }
}

async function attempt(
  client: pg.ClientBase,
  requests: readonly UpdateRequest[],
  currentNames: ReadonlyMap<string, string>,
): Promise<Attempt> {
  const { conflicts, parked } = planNameChanges(await nameChanges(client, requests, currentNames));
  const entangled = conflicts.size + parked.size > 0;
  const writable = requests.filter((request) => !conflicts.has(request.id));
  const leaving = writable.filter((request) => parked.has(request.id));
  const { failures: stuck } = await writeInHalves(client, leaving, (part) => park(client, part));
  if (stuck.size > 0) return { changed: new Set(), conflicts, failures: stuck, entangled };
  const { rows, failures } = await writeInHalves(client, writable, (part) => write(client, part));
  return { changed: new Set(rows.map((row) => row.id)), conflicts, failures, entangled };
}

/**
 * The rows that could be locked, each with its folded name; in the order of the ids, so that two batches cannot
 * deadlock. Rows that somebody else holds are waited for within the session's lock_timeout, and then left out.
 */
async function lock(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<Map<string, string>> {
  const ids = [requests.map((request) => request.id)];
  const sql =
    'select id, lower(user_name) as name from maptician.users where id = any($1::uuid[]) order by id for update';
  await client.query('savepoint lock');
  const { rows } = await client.query<{ id: string; name: string }>(sql, ids).catch(async (thrown: unknown) => {
    if (!(thrown instanceof pg.DatabaseError && thrown.code === lockNotAvailable)) throw thrown;
    await client.query('rollback to savepoint lock');
    return client.query<{ id: string; name: string }>(`${sql} skip locked`, ids);
  });
  return new Map(rows.map((row) => [row.id, row.name]));
}

/** Tells those whose row is held by somebody else from those who have none. */
async function notLocked(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<StoreResult[]> {
  if (requests.length === 0) return [];
  const { rows } = await client.query<Row>('select id from maptician.users where id = any($1::uuid[])', [
    requests.map((request) => request.id),
  ]);
  const held = new Set(rows.map((row) => row.id));
  const error = new SyncError('Timeout', 'Another session holds the row of the user in maptician.users');
  return requests.map(({ key, id }) =>
    held.has(id) ? { key, outcome: 'failed', error } : { key, outcome: 'missing' },
  );
}

async function nameChanges(
  client: pg.ClientBase,
  requests: readonly UpdateRequest[],
  currentNames: ReadonlyMap<string, string>,
): Promise<NameChange[]> {
  const renames = requests.flatMap(({ id, changes: { userName } }) =>
    typeof userName === 'string' && !userName.includes('\0') ? [{ id, name: userName }] : [],
  );
  if (renames.length === 0) return [];
  const { rows } = await client.query<{ id: string; wanted: string; holder: string | null }>(
    `select r.id, lower(r.name) as wanted, u.id as holder
     from unnest($1::uuid[], $2::text[]) with ordinality as r(id, name, position)
     left join maptician.users u on lower(u.user_name) = lower(r.name) and u.id <> r.id
     order by r.position`,
    [renames.map((rename) => rename.id), renames.map((rename) => rename.name)],
  );
  return rows.map(({ id, wanted, holder }) => ({
    id,
    currentName: currentNames.get(id) ?? '',
    wantedName: wanted,
    holder: holder ?? undefined,
  }));
}

/** The old name is kept at the end, so that a check of its form (an address) still passes. */
async function park(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `update maptician.users set user_name = id || '.' || user_name where id = any($1::uuid[]) returning id`,
    [requests.map((request) => request.id)],
  );
  return rows;
}

async function write(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<Row[]> {
  const records = requests.map(({ id, changes }) => ({ id, changes: toColumns(changes) }));
  const written = columns.filter((column) => records.some((record) => record.changes[column] !== undefined));
  if (written.length === 0) return [];
  const wanted = written.map(wantedValue);
  const { rows } = await client.query<Row>(
    `update maptician.users as u
     set ${written.map((column, index) => `${column} = ${wanted[index]}`).join(', ')}, updated_at = now()
     from jsonb_to_recordset($1::jsonb) as r(id uuid, changes jsonb)
     where u.id = r.id
       and (${written.map((column, index) => `u.${column} is distinct from ${wanted[index]}`).join(' or ')})
     returning u.id`,
    [JSON.stringify(records)],
  );
  return rows;
}

function wantedValue(column: Column): string {
  return `case when r.changes ? '${column}' then (r.changes ->> '${column}')::${columnType(column)} else u.${column} end`;
}
