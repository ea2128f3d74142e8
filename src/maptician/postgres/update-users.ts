/** Updates of many users in one transaction, in sets. */
import type pg from 'pg';
import type { StoreResult, UpdateRequest } from '../user-store.ts';
import { type Column, columns, columnType, toColumns } from './columns.ts';
import { writeInHalves } from './halves.ts';
import { type NameChange, planNameChanges } from './name-changes.ts';
import { nameConflict, refusal } from './refusal.ts';

interface Row {
  readonly id: string;
}

/**
 * Carries out updates within the transaction of `client`. Only what is given is written, and only where it differs, so
 * a repetition changes nothing. Each id may stand once.
 */
export async function updateUsers(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<StoreResult[]> {
  const refused: StoreResult[] = [];
  let open = requests;
  for (;;) {
    const current = await lock(client, open);
    const present = open.filter((request) => current.has(request.id));
    const { conflicts, parked } = planNameChanges(await nameChanges(client, present, current));
    const writable = present.filter((request) => !conflicts.has(request.id));
    await client.query('savepoint round');
    const parking = writable.filter((request) => parked.has(request.id));
    const parkFailures = (await writeInHalves(client, parking, (part) => park(client, part))).failures;
    const written =
      parkFailures.size === 0
        ? await writeInHalves(client, writable, (part) => write(client, part))
        : { rows: [], failures: parkFailures };
    const failures = [...written.failures].map(([request, error]) => ({
      request,
      result: refusal(request.key, error),
    }));
    refused.push(...failures.map(({ result }) => result));
    if (failures.length > 0 && conflicts.size + parked.size > 0) {
      // Who failed takes no name and leaves none, so who has which is worked out anew without them.
      await client.query('rollback to savepoint round');
      open = open.filter((request) => !failures.some((failure) => failure.request === request));
      continue;
    }
    const changed = new Set(written.rows.map((row) => row.id));
    const failed = new Set(failures.map(({ request }) => request));
    const settled = open
      .filter((request) => !failed.has(request))
      .map((request): StoreResult => {
        if (!current.has(request.id)) return { key: request.key, outcome: 'missing' };
        if (conflicts.has(request.id)) return nameConflict(request.key);
        return { key: request.key, outcome: 'done', id: request.id, changed: changed.has(request.id) };
      });
    return [...refused, ...settled];
  }
}

/** The rows that exist, each locked, with its folded name. In the order of the ids, so that two batches cannot deadlock. */
async function lock(client: pg.ClientBase, requests: readonly UpdateRequest[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; name: string }>(
    'select id, lower(user_name) as name from maptician.users where id = any($1::uuid[]) order by id for update',
    [requests.map((request) => request.id)],
  );
  return new Map(rows.map((row) => [row.id, row.name]));
}

async function nameChanges(
  client: pg.ClientBase,
  requests: readonly UpdateRequest[],
  current: ReadonlyMap<string, string>,
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
    currentName: current.get(id) ?? '',
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
