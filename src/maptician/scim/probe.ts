/**
 * Tries a Tenant URL out, for `test-connection`: what it finds, how it pages, how it wants changes written, and what DELETE
 * does. For the last two it makes an account of its own, inactive, and deletes it again; nobody else's is touched.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { attributePaths, type UserAttributes } from '../../mapping/maptician-user.ts';
import { readPage, usualPageSize } from './account-listing.ts';
import { equals, isSuccess, noEndpoint, pathOf } from './answers.ts';
import { type Dialect, patchBody, patchOperations } from './patch.ts';
import type { ScimProfile } from './profile.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf, scimErrorOf } from './scim-error.ts';
import { missingAttributes } from './server-schemas.ts';
import { describeTls } from './tls.ts';
import { readList, readUser, toResource } from './user-resource.ts';

/** What was found out, and how it is told. */
export interface Probe {
  readonly profile: Omit<ScimProfile, 'store' | 'probedAt'>;
  /** How many users it says it has. */
  readonly total: number;
  /** One sentence each. */
  readonly findings: readonly string[];
}

/**
 * @param url the Tenant URL
 * @param instance which installation it is: the name of its test account
 * @throws SyncError where the service could not work with this server at all
 */
export async function probe(client: ScimClient, url: string, instance: string): Promise<Probe> {
  const findings: string[] = [];
  const maxResults = await readConfig(client, findings);
  const filterWorks = await probeFilter(client, findings);
  const { total, pageSize } = await probePaging(client, maxResults, findings);
  await probeSchemas(client, findings);
  const account = await openTestAccount(client, instance, filterWorks);
  let profile: Probe['profile'];
  try {
    const filter = filterWorks ? await probeCase(client, account, findings) : 'ignored';
    const writing = await probePatch(client, account.id, findings);
    profile = { ...writing, filter, ...(pageSize === undefined ? {} : { pageSize }) };
  } finally {
    findings.push(await deleteTestAccount(client, account.id));
  }
  const secured = await describeTls(url);
  return { profile, total, findings: secured === undefined ? findings : [secured, ...findings] };
}

const serviceProviderConfig = z.object({
  patch: z.object({ supported: z.boolean() }).optional(),
  filter: z.object({ supported: z.boolean(), maxResults: z.number().optional() }).optional(),
});

/** Resolves with the most users it says it gives on a page. */
async function readConfig(client: ScimClient, findings: string[]): Promise<number | undefined> {
  const answer = await client.request('GET', '/ServiceProviderConfig');
  const config = serviceProviderConfig.safeParse(answer.body);
  if (answer.status !== 200 || !config.success) {
    findings.push('it does not describe itself (ServiceProviderConfig), which does no harm');
    return undefined;
  }
  if (config.data.patch?.supported === false) findings.push('it says that it has no PATCH; whether it does was tried');
  return config.data.filter?.maxResults;
}

/** Asks for a user nobody can be; Microsoft's own test of a connection. */
async function probeFilter(client: ScimClient, findings: string[]): Promise<boolean> {
  const nobody = randomUUID();
  const answer = await client.request('GET', '/Users', { query: { filter: equals('userName', nobody) } });
  if (answer.status === 404) {
    throw noEndpoint(answer);
  }
  const works = answer.status === 200 && readList(answer.body).users.length === 0;
  findings.push(
    works
      ? 'users are looked up by userName'
      : 'it does not filter by userName: users are found by reading all of them, which takes longer',
  );
  return works;
}

async function probePaging(client: ScimClient, maxResults: number | undefined, findings: string[]) {
  const asked = Math.min(usualPageSize, maxResults ?? usualPageSize);
  const first = await readPage(client, 1, asked);
  const given = first.users.length;
  if (first.total <= 1) {
    findings.push('it has too few users to try its paging');
    return { total: first.total, pageSize: undefined };
  }
  const start = given < first.total ? given + 1 : 2;
  const second = await readPage(client, start, asked);
  const moves = second.users[0]?.id !== first.users[0]?.id && second.users.length > 0;
  const whole = given >= first.total;
  findings.push(
    moves
      ? `it pages by ${whole ? asked : given} users`
      : 'it repeats its first page for every page: all users are asked for at once',
  );
  return { total: first.total, pageSize: moves && !whole ? given : undefined };
}

async function probeSchemas(client: ScimClient, findings: string[]): Promise<void> {
  const answer = await client.request('GET', '/Schemas');
  const missing = answer.status === 200 ? missingAttributes(answer.body) : undefined;
  if (missing === undefined) findings.push('it does not list its attributes (Schemas), which does no harm');
  else if (missing.length === 0) findings.push(`it has all ${attributePaths.length} attributes`);
  else findings.push(`it does not list these attributes and may drop them: ${missing.join(', ')}`);
}

interface TestAccount {
  readonly id: string;
  readonly userName: string;
}

/** One for each installation, so that one that could not be deleted is used again. */
async function openTestAccount(client: ScimClient, instance: string, filterWorks: boolean): Promise<TestAccount> {
  const userName = `Maptician-Sync-Test-${instance.slice(0, 8)}@maptician-sync.invalid`;
  const answer = await client.request('POST', '/Users', { body: toResource({ userName, active: false }) });
  if (isSuccess(answer)) return { id: readUser(answer.body).id, userName };
  const refusal = refusalOf(answer);
  if (refusal.code === 'Conflict' && filterWorks) {
    const [left] = await find(client, userName);
    if (left !== undefined) return { id: left.id, userName };
  }
  throw new SyncError(refusal.code, `Maptician refused the inactive account that was to be tried on: ${userName}`, {
    detail: refusal.detail,
    httpStatus: answer.status,
  });
}

async function find(client: ScimClient, userName: string) {
  const answer = await client.request('GET', '/Users', { query: { filter: equals('userName', userName) } });
  return answer.status === 200 ? readList(answer.body).users : [];
}

async function probeCase(client: ScimClient, { userName }: TestAccount, findings: string[]) {
  const found = await find(client, userName.toLowerCase());
  if (found.length > 0) return 'works' as const;
  findings.push(
    'its filter minds upper and lower case: a user it does not find and yet refuses is looked for in the list of all',
  );
  return 'caseSensitive' as const;
}

const phone = 'phoneNumbers[type eq "work"].value';

/** The first dialect in which a change is understood, whether values are found by their type, and whether they clear. */
async function probePatch(client: ScimClient, id: string, findings: string[]) {
  const title = { title: 'First' };
  const refusals: (string | undefined)[] = [];
  for (const dialect of ['compliant', 'classic'] as const) {
    const answer = await patch(client, id, dialect, { ...title, active: false }, { active: true });
    const held = await read(client, id);
    if (held.title !== title.title) {
      refusals.push(scimErrorOf(answer).detail);
      continue;
    }
    await patch(client, id, dialect, { [phone]: '+1 555 0100' }, {});
    const added = await read(client, id);
    await patch(client, id, dialect, { [phone]: '+1 555 0101' }, added);
    const replaced = await read(client, id);
    await patch(client, id, dialect, { title: null }, title);
    const { title: cleared } = await read(client, id);
    const typedPaths = added[phone] === '+1 555 0100' && replaced[phone] === '+1 555 0101';
    findings.push(
      dialect === 'compliant'
        ? 'changes are sent as RFC 7644 has them'
        : 'changes are sent in Microsoft\'s classic dialect (Replace, "False"): it does not take those of RFC 7644',
      ...(typedPaths ? [] : ['it does not find a value by its type: lists of values are written whole']),
      ...(cleared === null ? [] : ['it does not clear values: what is cleared in Entra stays in Maptician']),
    );
    return { dialect, typedPaths };
  }
  throw new SyncError('UnprocessableEntity', 'Maptician takes changes (PATCH) in neither dialect', {
    detail: refusals.find((detail) => detail !== undefined),
  });
}

function patch(client: ScimClient, id: string, dialect: Dialect, changes: UserAttributes, before: UserAttributes) {
  const body = patchBody(patchOperations(changes, before, dialect));
  return client.request('PATCH', pathOf(id), { body });
}

async function read(client: ScimClient, id: string): Promise<UserAttributes> {
  const answer = await client.request('GET', pathOf(id));
  if (answer.status !== 200) throw refusalOf(answer);
  return readUser(answer.body).attributes;
}

async function deleteTestAccount(client: ScimClient, id: string): Promise<string> {
  const path = pathOf(id);
  const answer: ScimAnswer = await client.request('DELETE', path);
  if (!isSuccess(answer)) return 'it refuses to delete accounts; the test account stays, inactive';
  const after = await client.request('GET', path);
  return after.status === 404
    ? 'deleted accounts are gone'
    : 'a deleted account can still be read, so it may only be hidden or deactivated';
}

/** A few lines: what it is, what was found, and what will be done. */
export function describeProbe({ profile, total, findings }: Probe, forced: Dialect | undefined): string {
  const setting =
    forced === undefined || forced === profile.dialect
      ? []
      : [`MAPTICIAN_SCIM_DIALECT, or the Tenant URL, has changes sent in the ${forced} dialect all the same`];
  return [`Maptician answers over SCIM, with ${total} users`, ...findings, ...setting].join('\n');
}
