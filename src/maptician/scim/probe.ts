/**
 * Tries a Tenant URL out, for `test-connection`: what it finds, how it pages, which attributes it has, how it wants changes
 * written, and what DELETE does.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { attributePaths } from '../../mapping/maptician-user.ts';
import { readPage, usualPageSize } from './account-listing.ts';
import { equals, isSuccess } from './answers.ts';
import type { Dialect } from './patch.ts';
import { probeAccount } from './probe-account.ts';
import type { ScimProfile } from './profile.ts';
import type { ScimClient } from './scim-client.ts';
import { missingAttributes } from './server-schemas.ts';
import { describeTls } from './tls.ts';
import { readList } from './user-resource.ts';

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
  const filterAnswers = await probeFilter(client);
  const { total, pageSize } = await probePaging(client, maxResults, findings);
  await probeSchemas(client, findings);
  const account = await probeAccount(client, instance, filterAnswers);
  const secured = await describeTls(url);
  return {
    profile: { ...account.profile, ...(pageSize === undefined ? {} : { pageSize }) },
    total,
    findings: [
      ...(secured === undefined ? [] : [secured]),
      filterFindings[account.profile.filter],
      ...findings,
      ...account.findings,
    ],
  };
}

const filterFindings: Readonly<Record<ScimProfile['filter'], string>> = {
  works: 'users are looked up by userName',
  caseSensitive:
    'users are looked up by userName, but its filter minds upper and lower case: a user it does not find and yet refuses is looked for in the list of all',
  ignored: 'it does not filter by userName: users are found by reading all of them, which takes longer',
};

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
export async function probeFilter(client: ScimClient): Promise<boolean> {
  const nobody = randomUUID();
  const answer = await client.request('GET', '/Users', { query: { filter: equals('userName', nobody) } });
  // By some "not found" is said of nobody; whether it is the Tenant URL that is not, the list shows.
  if (answer.status === 404) await readPage(client, 1, 1);
  return answer.status === 404 || (isSuccess(answer) && readList(answer.body).users.length === 0);
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

/** A few lines: what it is, what was found, and what will be done. */
export function describeProbe({ profile, total, findings }: Probe, forced: Dialect | undefined): string {
  const setting =
    forced === undefined || forced === profile.dialect
      ? []
      : [`MAPTICIAN_SCIM_DIALECT, or the Tenant URL, has changes sent in the ${forced} dialect all the same`];
  return [`Maptician answers over SCIM, with ${total} users`, ...findings, ...setting].join('\n');
}
