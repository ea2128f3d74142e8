/**
 * The floor under an initial cycle: the same pages, the same mapping, one upsert a user with 50 in flight. It keeps no
 * mirror, no queue, no links and no log, and could not be started twice, let alone killed.
 */
import pg from 'pg';
import { z } from 'zod';
import { configFile } from '../../src/config-file.ts';
import { createCredential } from '../../src/directory/credential.ts';
import { attributesRead } from '../../src/mapping/attribute-table.ts';
import { loadAttributeTable } from '../../src/mapping/load-attribute-table.ts';
import { mapUser } from '../../src/mapping/map-user.ts';
import { selectionOf } from '../../src/mapping/source-schema.ts';
import type { SourceUser } from '../../src/mapping/source-user.ts';
import { columns, toColumns } from '../../src/maptician/postgres/columns.ts';
import { openPostgresUserStore } from '../../src/maptician/postgres/postgres-user-store.ts';
import { loadSettings } from '../../src/settings.ts';
import { answer, peakMemory, readInput } from '../child.ts';

interface Page {
  readonly value: readonly SourceUser[];
  readonly '@odata.nextLink'?: string;
}

const { inFlight, connections } = readInput(z.object({ inFlight: z.number(), connections: z.number() }));
const settings = loadSettings({ env: process.env });
const table = await loadAttributeTable(configFile('attributes.yaml'));
const pool = new pg.Pool({ connectionString: settings.DATABASE_URL, max: connections });
await openPostgresUserStore({ pool }).prepare();
// Both sides are timed with their connections open.
const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
for (const client of clients) client.release();

const upsert = {
  name: 'upsert',
  text: `insert into maptician.users (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})
    on conflict (lower(user_name)) do update
    set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}, updated_at = now()`,
};

const began = performance.now();
const credential = createCredential(settings);
const token = (await credential.getToken(`${settings.GRAPH_BASE_URL}/.default`))?.token;
const { properties } = selectionOf(attributesRead(table));
const source = usersToWrite(`${settings.GRAPH_BASE_URL}/v1.0/users/delta?$select=${properties.join(',')}`);
const counts = await Promise.all(Array.from({ length: inFlight }, () => writeOneAfterAnother(source)));
const milliseconds = performance.now() - began;
await pool.end();
const users = counts.reduce((sum, count) => sum + count, 0);
await answer({ users, milliseconds, peak: peakMemory() });
process.disconnect();

/** The users of all pages; the next page travels while one is written. */
async function* usersToWrite(first: string): AsyncGenerator<SourceUser> {
  let page: Promise<Page> | undefined = fetchPage(first);
  while (page !== undefined) {
    const { value, '@odata.nextLink': next }: Page = await page;
    page = next === undefined ? undefined : fetchPage(next);
    for (const user of value) if (user.accountEnabled !== false) yield user;
  }
}

async function writeOneAfterAnother(users: AsyncGenerator<SourceUser>): Promise<number> {
  for (let count = 0; ; count++) {
    const { value: user, done } = await users.next();
    if (done) return count;
    await write(user);
  }
}

async function fetchPage(url: string): Promise<Page> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`Graph answered ${response.status}`);
  return (await response.json()) as Page;
}

async function write(user: SourceUser): Promise<void> {
  const wanted = toColumns(mapUser(table, user, { isSoftDeleted: false }, 'create').attributes);
  await pool.query({ ...upsert, values: columns.map((column) => wanted[column] ?? null) });
}
