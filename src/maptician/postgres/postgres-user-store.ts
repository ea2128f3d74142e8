/** The user store that is a Postgres database: table `maptician.users`, written in sets. */
import type pg from 'pg';
import { SyncError } from '../../errors.ts';
import { postgresError } from '../../postgres-errors.ts';
import { transaction } from '../../state/database.ts';
import type { CreateRequest, DeleteRequest, StoredUser, StoreResult, UpdateRequest, UserStore } from '../user-store.ts';
import {
  type Column,
  type ColumnValues,
  columnList,
  columnOf,
  columns,
  columnType,
  toAttributes,
  toColumns,
} from './columns.ts';
import { writeInHalves } from './halves.ts';
import { nameConflict, refusal, subject } from './refusal.ts';
import { checkTable, createTable, newIdFunction } from './schema.ts';
import { updateUsers } from './update-users.ts';

/** Users read in one go where all of them are. */
const pageSize = 1000;

/** Large enough that the round trips no longer count, small enough that a lock is held for milliseconds. */
const batchSize = 500;

/** The pool stays the caller's: `close` does not end it. */
export function openPostgresUserStore(options: { readonly pool: pg.Pool }): UserStore {
  const { pool } = options;
  let newId: string | undefined;
  const createUsers: Write<CreateRequest> = async (client, requests) => {
    newId ??= await newIdFunction(client);
    return insertUsers(client, requests, newId);
  };
  return {
    kind: 'postgres',
    batchSize,
    prepare: () => guarded(() => prepare(pool)),
    match: (attribute, values) => guarded(() => match(pool, columnOf(attribute), values)),
    read: (ids) => guarded(() => read(pool, ids)),
    accounts: (_lookUp, progress) => allUsers(pool, progress),
    create: (requests) => guarded(() => write(pool, requests, createUsers)),
    update: (requests) => guarded(() => updateInTurn(pool, requests)),
    delete: (requests) => guarded(() => deleteExisting(pool, requests)),
    check: () => guarded(() => check(pool)),
    close: async () => undefined,
  };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw postgresError(thrown, subject);
  }
}

async function prepare(pool: pg.Pool): Promise<void> {
  if (!(await checkTable(pool))) await createTable(pool);
}

async function check(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ version: string; name: string; mayCreate: boolean }>(
    `select current_setting('server_version') as version, current_database() as name,
       case when to_regnamespace('maptician') is null then has_database_privilege(current_database(), 'CREATE')
         else has_schema_privilege('maptician', 'CREATE') end as "mayCreate"`,
  );
  const server = `PostgreSQL ${rows[0]?.version}, database ${rows[0]?.name}`;
  if (await checkTable(pool)) {
    const users = await pool.query<{ count: string }>('select count(*) from maptician.users');
    return `${server}, table maptician.users with ${users.rows[0]?.count} users`;
  }
  if (rows[0]?.mayCreate) return `${server}; the table maptician.users is created at the first start`;
  throw new SyncError(
    'InsufficientRights',
    `The table maptician.users does not exist and the role may not create it: grant it CREATE on database ${rows[0]?.name}.`,
  );
}

async function match(pool: pg.Pool, column: Column, given: readonly string[]): Promise<Map<string, StoredUser[]>> {
  const found = new Map<string, StoredUser[]>(given.map((value) => [value, []]));
  // Postgres cannot store a NUL, so nobody has such a value, and asking would be an error.
  const askable = [...found.keys()].filter((value) => !value.includes('\0'));
  // userName has an index: with "offset 0" one look into it a name, where Postgres would else read the whole table for
  // every batch. For any other column that one reading of the table is what it takes.
  const users =
    column === 'user_name'
      ? 'cross join lateral (select * from maptician.users where lower(user_name) = lower(n.given) offset 0) u'
      : `join maptician.users u on lower(u.${column}) = lower(n.given)`;
  const { rows } = await pool.query<ColumnValues & { given: string; id: string }>({
    name: `match-users-by-${column}`,
    text: `select n.given, u.id, ${columnList('u.')} from unnest($1::text[]) as n(given) ${users}`,
    values: [askable],
  });
  for (const row of rows) found.get(row.given)?.push({ id: row.id, attributes: toAttributes(row) });
  return found;
}

async function read(pool: pg.Pool, ids: readonly string[]): Promise<StoredUser[]> {
  // An id of another kind of store is nobody's here.
  const askable = ids.filter((id) => /^[0-9a-f-]{36}$/i.test(id));
  const { rows } = await pool.query<ColumnValues & { id: string }>(
    `select u.id, ${columnList('u.')} from maptician.users u where u.id = any($1::uuid[])`,
    [askable],
  );
  return rows.map((row) => ({ id: row.id, attributes: toAttributes(row) }));
}

/** In the order of the ids, which have an index, so that each page is read where the one before ended. */
async function* allUsers(
  pool: pg.Pool,
  progress: (done: number, total: number | undefined) => void = () => undefined,
): AsyncGenerator<readonly StoredUser[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (let done = 0; ; ) {
    const { rows } = await guarded(() =>
      pool.query<ColumnValues & { id: string }>(
        `select u.id, ${columnList('u.')} from maptician.users u where u.id > $1 order by u.id limit $2`,
        [after, pageSize],
      ),
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    done += rows.length;
    progress(done, undefined);
    yield rows.map((row) => ({ id: row.id, attributes: toAttributes(row) }));
  }
}

type Write<Request> = (client: pg.ClientBase, requests: readonly Request[]) => Promise<StoreResult[]>;

/** One transaction a call: what a lost answer leaves in doubt is all of it or nothing. */
async function write<Request>(
  pool: pg.Pool,
  requests: readonly Request[],
  work: Write<Request>,
): Promise<StoreResult[]> {
  if (requests.length === 0) return [];
  // A deferred constraint would else fail at the commit, with everyone's rows.
  return transaction(pool, (client) => work(client, requests), { constraints: 'immediate' });
}

async function insertUsers(
  client: pg.ClientBase,
  requests: readonly CreateRequest[],
  newId: string,
): Promise<StoreResult[]> {
  const { rows, failures } = await writeInHalves(client, requests, (part) => insert(client, part, newId));
  return [...rows, ...[...failures].map(([request, error]) => refusal(request.key, error))];
}

/** In the order of the names, so that two batches with the same names cannot deadlock; of two in one, the first wins. */
async function insert(
  client: pg.ClientBase,
  requests: readonly CreateRequest[],
  newId: string,
): Promise<StoreResult[]> {
  const records = requests.map((request, position) => ({ position, ...toColumns(request.attributes) }));
  const { rows } = await client.query<{ position: number; id: string | null }>({
    name: 'insert-users',
    text: `with wanted as materialized (
       select ${newId} as id, r.*
       from jsonb_to_recordset($1::jsonb) as r(position int, ${columns.map((column) => `${column} ${columnType(column)}`).join(', ')})
     ), created as (
       insert into maptician.users (id, ${columnList()}, created_at, updated_at)
       select id, ${columnList()}, now(), now() from wanted order by lower(user_name), position
       on conflict (lower(user_name)) do nothing
       returning id
     )
     select wanted.position, created.id from wanted left join created on created.id = wanted.id`,
    values: [JSON.stringify(records)],
  });
  return rows.flatMap(({ position, id }): StoreResult[] => {
    const key = requests[position]?.key;
    if (key === undefined) return [];
    return [id === null ? nameConflict(key) : { key, outcome: 'done', id, changed: true }];
  });
}

/** Two updates of one user in a call are carried out one after the other. */
async function updateInTurn(pool: pg.Pool, requests: readonly UpdateRequest[]): Promise<StoreResult[]> {
  const results: StoreResult[] = [];
  let open = requests;
  while (open.length > 0) {
    const turn = new Map<string, UpdateRequest>();
    const later: UpdateRequest[] = [];
    for (const request of open) {
      const id = request.id.toLowerCase();
      if (!isId(id)) results.push({ key: request.key, outcome: 'missing' });
      else if (turn.has(id)) later.push(request);
      else turn.set(id, { ...request, id });
    }
    results.push(...(await write(pool, [...turn.values()], updateUsers)));
    open = later;
  }
  return results;
}

async function deleteExisting(pool: pg.Pool, requests: readonly DeleteRequest[]): Promise<StoreResult[]> {
  const missing = requests.filter((request) => !isId(request.id));
  const deleted = await write(
    pool,
    requests.filter((request) => isId(request.id)),
    deleteUsers,
  );
  return [...deleted, ...missing.map(({ key }): StoreResult => ({ key, outcome: 'missing' }))];
}

async function deleteUsers(client: pg.ClientBase, requests: readonly DeleteRequest[]): Promise<StoreResult[]> {
  const { rows, failures } = await writeInHalves(client, requests, async (part) => {
    const ids = part.map((request) => request.id);
    const sql = 'delete from maptician.users where id = any($1::uuid[]) returning id';
    return (await client.query<{ id: string }>(sql, [ids])).rows;
  });
  const gone = new Set(rows.map((row) => row.id));
  return requests.map(({ key, id }): StoreResult => {
    const failure = [...failures].find(([request]) => request.key === key)?.[1];
    if (failure !== undefined) return refusal(key, failure);
    const storedId = id.toLowerCase();
    return gone.has(storedId) ? { key, outcome: 'done', id: storedId, changed: true } : { key, outcome: 'missing' };
  });
}

/** An id that is no UUID is nobody's here; Postgres would refuse the whole statement. */
function isId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
}
