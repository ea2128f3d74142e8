/** The schema `maptician` and its one table: created where missing, checked where it already exists. */
import type pg from 'pg';
import { SyncError } from '../../errors.ts';
import { transaction } from '../../state/database.ts';
import { columns, columnType } from './columns.ts';

/** What the catalog says of a column. */
interface CatalogColumn {
  readonly name: string;
  /** The name of its type without length. */
  readonly type: string;
  /** The type as a person writes it. */
  readonly declared: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** Computed by the server, so that it cannot be written. */
  readonly generated: boolean;
}

const textTypes = ['text', 'varchar', 'citext'];

const columnTypes: ReadonlyMap<string, readonly string[]> = new Map([
  ['id', ['uuid']],
  ...columns.map((column) => [column, columnType(column) === 'boolean' ? ['bool'] : textTypes] as const),
  ['created_at', ['timestamptz']],
  ['updated_at', ['timestamptz']],
]);

const declaredTypes: Readonly<Record<string, string>> = { bool: 'boolean' };

/** Always written with a value, so the table may insist on one. */
const required = new Set(['id', 'user_name', 'active', 'created_at', 'updated_at']);

/** True where the table exists. Rejects with a SyncError that names everything about it that does not fit. */
export async function checkTable(client: Pick<pg.ClientBase, 'query'>): Promise<boolean> {
  const { rows } = await client.query<{ oid: string; kind: string; missingRights: string[] }>(
    `select c.oid, c.relkind as kind, array(
       select privilege from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as privilege
       where not has_table_privilege(c.oid, privilege)
         and (privilege = 'DELETE' or not has_any_column_privilege(c.oid, privilege))) as "missingRights"
     from pg_class c where c.oid = to_regclass('maptician.users')`,
  );
  const table = rows[0];
  if (table === undefined) return false;
  if (table.missingRights.length > 0) {
    const rights = table.missingRights.join(', ');
    throw new SyncError(
      'InsufficientRights',
      `The role may not use maptician.users: grant it ${rights} on that table.`,
    );
  }
  const problems =
    table.kind === 'r' || table.kind === 'p'
      ? [...columnProblems(await readColumns(client, table.oid)), ...(await keyProblems(client, table.oid))]
      : ['it is not a table'];
  if (problems.length === 0) return true;
  throw new SyncError(
    'Misconfigured',
    `The table maptician.users does not fit. Change it, or move it away so that it is created anew:\n  ${problems.join('\n  ')}`,
  );
}

/** Creates what is missing. Any number of processes may do so at once. */
export async function createTable(pool: pg.Pool): Promise<void> {
  await transaction(pool, async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('maptician.users'))`);
    if (await checkTable(client)) return;
    const { rows } = await client.query<{ exists: boolean }>(
      `select to_regnamespace('maptician') is not null as exists`,
    );
    // Even with "if not exists" it needs the right to create schemas.
    if (!rows[0]?.exists) await client.query('create schema maptician');
    await client.query(
      `create table maptician.users (
         id uuid primary key default ${await newIdFunction(client)},
         ${columns.map((column) => `${column} ${columnType(column)}${required.has(column) ? ' not null' : ''}`).join(',\n')},
         created_at timestamptz not null default now(),
         updated_at timestamptz not null default now()
       );
       create unique index users_user_name_key on maptician.users (lower(user_name))`,
    );
  });
}

/** What makes an id: in the order of time where the server can, so that new rows lie side by side. */
export async function newIdFunction(client: Pick<pg.ClientBase, 'query'>): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select case when to_regprocedure('uuidv7()') is null then 'gen_random_uuid()' else 'uuidv7()' end as name`,
  );
  return rows[0]?.name ?? 'gen_random_uuid()';
}

async function readColumns(client: Pick<pg.ClientBase, 'query'>, table: string): Promise<CatalogColumn[]> {
  const { rows } = await client.query<CatalogColumn>(
    `select a.attname as name, t.typname as type, format_type(a.atttypid, a.atttypmod) as declared,
       a.attnotnull as "notNull", a.atthasdef or a.attidentity <> '' as "hasDefault",
       a.attgenerated <> '' or a.attidentity = 'a' as generated
     from pg_attribute a join pg_type t on t.oid = a.atttypid
     where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
     order by a.attnum`,
    [table],
  );
  return rows;
}

function columnProblems(found: readonly CatalogColumn[]): string[] {
  const byName = new Map(found.map((column) => [column.name, column]));
  const problems: string[] = [];
  for (const [name, types] of columnTypes) {
    const wanted = declaredTypes[types[0] ?? ''] ?? types[0];
    const column = byName.get(name);
    if (column === undefined) {
      problems.push(`column ${name} is missing: alter table maptician.users add column ${name} ${wanted}`);
      continue;
    }
    if (!types.includes(column.type)) problems.push(`column ${name} is ${column.declared}; it must be ${wanted}`);
    if (column.generated) problems.push(`column ${name} is generated by the server; it must be an ordinary column`);
    if (column.notNull && !required.has(name)) {
      problems.push(`column ${name} must allow NULL: alter table maptician.users alter column ${name} drop not null`);
    }
  }
  for (const column of found) {
    if (columnTypes.has(column.name) || !column.notNull || column.hasDefault || column.generated) continue;
    problems.push(`column ${column.name} is not written by maptician-sync and is NOT NULL; give it a default`);
  }
  return problems;
}

/** Whole, valid unique indexes of one column or expression. */
async function keyProblems(client: Pick<pg.ClientBase, 'query'>, table: string): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(
    `select pg_get_indexdef(indexrelid, 1, true) as key from pg_index
     where indrelid = $1 and indisunique and indisvalid and indpred is null and indnkeyatts = 1`,
    [table],
  );
  const keys = new Set(rows.map((row) => row.key));
  const problems: string[] = [];
  if (!keys.has('id')) problems.push('id is not unique: alter table maptician.users add primary key (id)');
  if (!keys.has('lower(user_name)') && !keys.has('lower(user_name::text)')) {
    problems.push(
      'user_name is not unique without regard to case: create unique index on maptician.users (lower(user_name))',
    );
  }
  return problems;
}
