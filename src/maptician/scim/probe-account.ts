/**
 * What `test-connection` finds out by writing: which changes a server takes, and what its DELETE does. It makes an account of
 * its own for that, inactive, and deletes it again; nobody else's is touched.
 */
import { randomUUID } from 'node:crypto';
import { type ErrorCode, errorPolicy, SyncError } from '../../errors.ts';
import type { UserAttributes } from '../../mapping/maptician-user.ts';
import { sameName } from '../../plan/names.ts';
import type { StoredUser } from '../user-store.ts';
import { readAllPages, usualPageSize } from './account-listing.ts';
import { createdId, equals, isSuccess, noEndpoint, pathOf } from './answers.ts';
import { type Shape, shapesOf } from './operation-shapes.ts';
import { type Dialect, dialects, patchBody, patchOperations } from './patch.ts';
import type { ScimProfile } from './profile.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf, scimErrorOf } from './scim-error.ts';
import { attributeValue, readList, readUser, toResource } from './user-resource.ts';

export interface AccountProbe {
  readonly profile: Pick<ScimProfile, 'dialect' | 'typedPaths' | 'shapes' | 'filter'>;
  /** One sentence each. */
  readonly findings: readonly string[];
}

/**
 * @param instance which installation it is: the name of its test account
 * @param filterWorks whether users can be looked up by userName, as far as is known without one
 * @throws SyncError where the service could not work with this server at all; it says where a test account may be left
 */
export async function probeAccount(client: ScimClient, instance: string, filterWorks: boolean): Promise<AccountProbe> {
  const { id, userName } = await openTestAccount(client, instance.slice(0, 8), filterWorks);
  const tried = await settled(async () => {
    const filter = filterWorks ? await probeCase(client, userName) : 'ignored';
    return { filter, writing: await probePatch(client, id) };
  });
  const deleted = await settled(() => deleteTestAccount(client, id, userName));
  if ('error' in tried) throw deleted.value?.gone ? tried.error : maybeLeft(tried.error, userName);
  if ('error' in deleted) throw maybeLeft(deleted.error, userName);
  const { filter, writing } = tried.value;
  const { findings, ...profile } = writing;
  return { profile: { ...profile, filter }, findings: [...findings, deleted.value.finding] };
}

type Settled<Value> = { readonly value: Value } | { readonly error: unknown; readonly value?: undefined };

async function settled<Value>(work: () => Promise<Value>): Promise<Settled<Value>> {
  try {
    return { value: await work() };
  } catch (thrown) {
    return { error: asProbeError(thrown) };
  }
}

/** Their advice is about a user in Entra; here there is none. */
const aboutUsers: ReadonlySet<ErrorCode> = new Set([
  'Conflict',
  'InvalidAnchor',
  'MandatoryFieldsMissing',
  'SchemaAttributeNotFound',
  'UnprocessableEntity',
]);

function asProbeError(thrown: unknown, message?: string): unknown {
  if (!(thrown instanceof SyncError)) return thrown;
  const code = aboutUsers.has(thrown.code) ? 'SystemForCrossDomainIdentityManagementServiceIncompatible' : thrown.code;
  const status = thrown.httpStatus === undefined ? {} : { httpStatus: thrown.httpStatus };
  return new SyncError(code, message ?? thrown.message, { cause: thrown, detail: thrown.detail, ...status });
}

function maybeLeft(error: unknown, userName: string): unknown {
  if (!(error instanceof SyncError)) return error;
  return asProbeError(
    error,
    `${error.message} (the inactive test account ${userName} may be left in Maptician; the next test-connection uses it, and deletes it)`,
  );
}

/**
 * One name for each installation, so that an account that could not be deleted is used again; another where a server keeps
 * the names of those it has deleted.
 */
async function openTestAccount(client: ScimClient, instance: string, filterWorks: boolean) {
  const nameOf = (suffix: string) => `Maptician-Sync-Test-${instance}${suffix}@maptician-sync.invalid`;
  const userName = nameOf('');
  const id = await createTestAccount(client, userName, filterWorks);
  if (id !== undefined) return { id, userName };
  const another = nameOf(`-${randomUUID().slice(0, 8)}`);
  const newId = await createTestAccount(client, another, filterWorks);
  if (newId !== undefined) return { id: newId, userName: another };
  throw new SyncError(
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
    `Maptician says that it has the test account ${another}, and does not show it`,
  );
}

/** With what servers may require. Undefined where the name is taken by an account that is not shown. */
async function createTestAccount(
  client: ScimClient,
  userName: string,
  filterWorks: boolean,
): Promise<string | undefined> {
  const body = toResource({
    userName,
    active: false,
    'emails[type eq "work"].value': userName,
    'name.givenName': 'Maptician-Sync',
    'name.familyName': 'Test',
  });
  let answer: ScimAnswer | undefined;
  let lost: SyncError | undefined;
  try {
    answer = await client.request('POST', '/Users', { body });
  } catch (thrown) {
    if (!(thrown instanceof SyncError) || thrown.code === 'TooManyRequests' || errorPolicy(thrown.code) !== 'retry')
      throw thrown;
    lost = thrown;
  }
  if (answer?.status === 404) throw noEndpoint(answer);
  const refusal = answer === undefined || isSuccess(answer) ? undefined : refusalOf(answer);
  if (refusal !== undefined && refusal.code !== 'Conflict')
    throw asProbeError(refusal, `Maptician refused the inactive account that was to be tried on, ${userName}`);
  const given = answer === undefined || refusal !== undefined ? undefined : createdId(answer);
  const id = given ?? (await find(client, userName, filterWorks).catch(() => undefined))?.id;
  if (id !== undefined) return id;
  if (refusal !== undefined) return undefined;
  const nameless = `Maptician answered ${answer?.status} to a new account, and neither that nor a look-up has its id`;
  throw maybeLeft(
    lost ?? new SyncError('SystemForCrossDomainIdentityManagementServiceIncompatible', nameless),
    userName,
  );
}

const isNamed = ({ attributes }: StoredUser, userName: string) => sameName(String(attributes.userName), userName);

async function findByFilter(client: ScimClient, userName: string): Promise<StoredUser | undefined> {
  const answer = await client.request('GET', '/Users', { query: { filter: equals('userName', userName) } });
  return isSuccess(answer) ? readList(answer.body).users.find((user) => isNamed(user, userName)) : undefined;
}

async function find(client: ScimClient, userName: string, filterWorks: boolean): Promise<StoredUser | undefined> {
  const filtered = filterWorks ? await findByFilter(client, userName) : undefined;
  if (filtered !== undefined) return filtered;
  let found: StoredUser | undefined;
  const seen = new Set<string>();
  await readAllPages(client, usualPageSize, async (users) => {
    const before = seen.size;
    for (const { id } of users) seen.add(id);
    found ??= users.find((user) => isNamed(user, userName));
    return seen.size - before;
  });
  return found;
}

async function probeCase(client: ScimClient, userName: string): Promise<ScimProfile['filter']> {
  if ((await findByFilter(client, userName.toLowerCase())) !== undefined) return 'works';
  return (await findByFilter(client, userName)) === undefined ? 'ignored' : 'caseSensitive';
}

const workPhone = 'phoneNumbers[type eq "work"].value';
const locality = 'addresses[type eq "work"].locality';
const region = 'addresses[type eq "work"].region';
/** One at a time, so that one which is refused takes no other along. */
const steps: readonly UserAttributes[] = [
  { [workPhone]: '+15550100' },
  { [workPhone]: '+15550101' },
  { [locality]: 'Test', [region]: 'Test' },
  { [region]: null },
  { [workPhone]: null },
  { title: null },
];

const dialectFindings: Readonly<Record<Dialect, string>> = {
  compliant: 'changes are sent as RFC 7644 has them',
  capitals: 'changes are sent with capitals (Replace): it does not take those of RFC 7644',
  text: 'changes are sent with Booleans as text ("False"): it does not take those of RFC 7644',
  classic: 'changes are sent in Microsoft\'s classic dialect (Replace, "False"): it does not take those of RFC 7644',
};

/** The first dialect in which a change is understood, and which shapes of operations are. */
async function probePatch(client: ScimClient, id: string) {
  const refusals: string[] = [];
  for (const dialect of dialects) {
    const works = new Set<Shape>();
    const failed = new Set<Shape>();
    let held = await read(client, id);
    const change = async (changes: UserAttributes, before: UserAttributes) => {
      const operations = patchOperations(changes, before, dialect);
      if (operations.length === 0) return undefined;
      const answer = await client.request('PATCH', pathOf(id), { body: patchBody(operations) });
      const then = held;
      held = await read(client, id);
      for (const [path, shape] of shapesOf(operations, changes))
        (attributeValue(held, path) === attributeValue(then, path) ? failed : works).add(shape);
      return answer;
    };
    const title = `Test ${randomUUID().slice(0, 8)}`;
    // Inactive it stays: only whether the Boolean is taken shows.
    const answer = await change({ title, active: false }, { ...held, active: true });
    if (held.title !== title) {
      const reason = answer === undefined ? '' : (scimErrorOf(answer).detail ?? 'nothing changed');
      refusals.push(`${dialect}: ${answer?.status} ${reason}`);
      continue;
    }
    for (const step of steps) await change(step, held);
    await change({ active: true }, { ...held, active: false });
    await change({ active: false }, { ...held, active: true });
    const deactivates = held.active === false;
    const typed = [...failed].filter((shape) => shape !== 'write' && shape !== 'remove');
    const typedPaths = works.has('typedReplace') && typed.every((shape) => works.has(shape));
    return {
      dialect,
      typedPaths,
      shapes: [...works],
      findings: [
        dialectFindings[dialect],
        ...(typedPaths ? [] : ['it does not find a value by its type: lists of values are written whole']),
        ...(deactivates ? [] : ['it does not deactivate an account when it is told to: access would not end']),
        ...(held.title === null ? [] : ['it does not clear values: what is cleared in Entra stays in Maptician']),
      ],
    };
  }
  throw new SyncError(
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
    'Maptician takes changes (PATCH) in neither dialect. Ask its support which one it takes, and name that in MAPTICIAN_SCIM_DIALECT',
    { detail: refusals.join('; ') },
  );
}

async function read(client: ScimClient, id: string): Promise<UserAttributes> {
  const answer = await client.request('GET', pathOf(id));
  if (!isSuccess(answer)) throw refusalOf(answer);
  return readUser(answer.body).attributes;
}

async function deleteTestAccount(client: ScimClient, id: string, userName: string) {
  const path = pathOf(id);
  const answer = await client.request('DELETE', path);
  if (!isSuccess(answer) && answer.status !== 404)
    return {
      gone: false,
      finding: `it refuses to delete accounts (${answer.status}): the test account ${userName} stays, inactive`,
    };
  const after = await client.request('GET', path);
  return after.status === 404
    ? { gone: true, finding: 'deleted accounts are gone' }
    : { gone: false, finding: 'a deleted account can still be read, so it may only be hidden or deactivated' };
}
