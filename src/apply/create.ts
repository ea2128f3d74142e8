/** Creates, adopts, and takes accounts over. */
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import { matchAccounts } from '../maptician/match-accounts.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import { sameName } from '../plan/names.ts';
import type { ApplyContext } from './apply.ts';
import { contestHandedOver } from './handed-over.ts';
import { type LinkedAccount, lockLinkedAccounts, type Operation } from './operations.ts';
import { type Outcome, outcomesOf } from './outcome.ts';

type CreateContext = Pick<ApplyContext, 'store' | 'rules'>;

/** Accounts that an operation's user may be. */
interface Candidate {
  /** What they were found by; undefined where the store named them when it refused a new one. */
  readonly by?: AttributePath;
  readonly users: readonly StoredUser[];
}

/** By operation id. */
type Candidates = ReadonlyMap<number, Candidate>;

/**
 * A create looks for the user first, by each matching attribute in turn: an account that is found is adopted instead of
 * being created twice. So is the account for whose sake the store refuses a new one, such as that of a returning person
 * whose e-mail it has.
 */
export async function createUsers(
  context: CreateContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
  firstTry: boolean,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const matched = await claim(context.store, client, operations, await match(context, operations, firstTry));
  const fresh = operations.filter(({ id }) => !matched.candidates.has(id));
  const refusedFor = await createFresh(context, fresh, outcomes, firstTry);
  const claimed = await claim(context.store, client, fresh, refusedFor, { reread: true });
  const holders = await withoutOthersNames(client, fresh, claimed, outcomes);
  await contestHandedOver(
    client,
    fresh.filter(({ id }) => !claimed.candidates.has(id)),
    outcomes,
  );
  const adoptions = [...choose(context, operations, matched, outcomes), ...choose(context, fresh, holders, outcomes)];
  const ours = firstTry ? [] : adoptions.filter(isOurOwn);
  for (const { operation, user } of ours) outcomes.set(String(operation.id), { kind: 'done', mapticianId: user.id });
  await adopt(
    context,
    adoptions.filter((adoption) => !ours.includes(adoption)),
    outcomes,
  );
  return outcomes;
}

/** Made by an earlier try whose answer was lost: as it was to be, with our object id. */
function isOurOwn({ operation, user, changes, passed }: Adoption): boolean {
  const id = operation.attributes.externalId;
  return !passed && Object.keys(changes).length === 0 && id === operation.entraId && user.attributes.externalId === id;
}

interface Claimed {
  readonly candidates: Candidates;
  /** Who is linked to them. */
  readonly owners: ReadonlyMap<string, LinkedAccount>;
}

/**
 * Keeps accounts for this transaction: no other job adopts one of them meanwhile, nor does anything else to one that is
 * linked to somebody. Those that are linked are read again, since that user's last job may just have changed them; with
 * `reread` all are.
 */
async function claim(
  store: UserStore,
  client: pg.PoolClient,
  operations: readonly Operation[],
  found: Candidates,
  { reread = false } = {},
): Promise<Claimed> {
  const ids = [...new Set([...found.values()].flatMap(({ users }) => users.map(({ id }) => id)))].sort();
  if (ids.length === 0) return { candidates: found, owners: new Map() };
  // Where accounts are found by more than their userName, two jobs may find the same one.
  if (store.listing !== undefined) await lockAccounts(client, ids);
  const owners = await lockLinkedAccounts(client, ids);
  const doubtful = reread ? ids : ids.filter((id) => owners.has(id));
  if (doubtful.length === 0) return { candidates: found, owners };
  const now = new Map((await store.read(doubtful, lookUpOf(operations, true))).map((user) => [user.id, user]));
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const candidates = new Map<number, Candidate>();
  for (const [id, { users, by }] of found) {
    const current = users
      .flatMap((user) => (doubtful.includes(user.id) ? (now.get(user.id) ?? []) : user))
      .filter((user) => isCandidate(user, byId.get(id), by));
    if (current.length > 0) candidates.set(id, { ...(by === undefined ? {} : { by }), users: current });
  }
  return { candidates, owners };
}

const namedByStore: readonly AttributePath[] = ['userName', 'emails[type eq "work"].value'];

/** Whether it still has what it was found by. */
function isCandidate(
  { attributes: held }: StoredUser,
  operation: Operation | undefined,
  by: AttributePath | undefined,
): boolean {
  return (by === undefined ? namedByStore : [by]).some(
    (path) => Boolean(held[path]) && sameName(String(held[path]), String(operation?.attributes[path] ?? '')),
  );
}

/** In the order of the ids, so that two jobs cannot wait for each other. */
async function lockAccounts(client: pg.PoolClient, sortedIds: readonly string[]): Promise<void> {
  await client.query(
    `select pg_advisory_xact_lock(hashtextextended('account ' || id, 0))
     from (select id from unnest($1::text[]) with ordinality as a(id, place) order by place offset 0) a`,
    [sortedIds],
  );
}

/** The accounts that match the wanted users. */
async function match(
  { store, rules }: CreateContext,
  operations: readonly Operation[],
  firstTry: boolean,
): Promise<Candidates> {
  const lookUp = lookUpOf(operations, !firstTry);
  const matches = await matchAccounts(store, rules.matching, operations, ({ attributes }) => attributes, lookUp);
  return new Map([...matches].map(([operation, found]) => [operation.id, found]));
}

/** An account found by its e-mail whose userName is another living user's is that user's, linked or not. */
async function withoutOthersNames(
  client: pg.PoolClient,
  operations: readonly Operation[],
  { candidates, owners }: Claimed,
  outcomes: Map<string, Outcome>,
): Promise<Claimed> {
  const nameOf = (user: StoredUser) => String(user.attributes.userName ?? '').toLowerCase();
  const names = [...candidates.values()].flatMap(({ users }) => users.map(nameOf));
  if (names.length === 0) return { candidates, owners };
  const { rows } = await client.query<{ name: string; id: string }>(
    `select lower(user_name) as name, id from users where lower(user_name) = any($1) and presence = 'live' and in_scope and not filtered_out`,
    [names],
  );
  const left = new Map(candidates);
  for (const operation of operations) {
    const users = candidates.get(operation.id)?.users ?? [];
    const rightful = rows.find(
      ({ name, id }) => id !== operation.entraId && users.some((user) => nameOf(user) === name),
    );
    if (rightful === undefined) continue;
    outcomes.set(String(operation.id), belongsTo(rightful.id, undefined));
    left.delete(operation.id);
  }
  return { candidates: left, owners };
}

function lookUpOf(operations: readonly Operation[], fresh: boolean) {
  return { cycleId: operations[0]?.cycleId ?? 0, fresh };
}

interface Adoption {
  readonly operation: Operation;
  readonly user: StoredUser;
  readonly changes: UserAttributes;
  readonly note: string;
  readonly passed: boolean;
}

/** Who adopts what; whoever may not is told of in `outcomes`. */
function choose(
  { rules: { flowNulls, actions } }: CreateContext,
  operations: readonly Operation[],
  { candidates, owners }: Claimed,
  outcomes: Map<string, Outcome>,
): Adoption[] {
  return operations.flatMap((operation) => {
    const { users, by } = candidates.get(operation.id) ?? { users: [] };
    const [user] = users;
    if (user === undefined) return [];
    const owner = owners.get(user.id);
    const refusal = users.length > 1 ? severalAccounts(users.length, by) : refuseOwner(operation, owner, by);
    if (refusal !== undefined) {
      outcomes.set(String(operation.id), refusal);
      return [];
    }
    const { attributes, flowRules } = operation;
    const changes = actions.update
      ? changedAttributes(attributes, user.attributes, { flowNulls, rules: flowRules })
      : {};
    const passed = owner !== undefined && owner.entraId !== operation.entraId;
    const note = passed ? `the account of ${owner.entraId} passed to this user` : adoptionNote(operation, user, by);
    return [{ operation, user, changes, passed, note }];
  });
}

function adoptionNote({ attributes }: Operation, user: StoredUser, by: AttributePath | undefined): string {
  if (by !== undefined && by !== 'userName') return `an existing account with this ${by} was adopted`;
  return sameName(String(attributes.userName ?? ''), String(user.attributes.userName ?? ''))
    ? 'an existing account was adopted'
    : 'an existing account with this e-mail was adopted';
}

const byEither = 'userName or e-mail';

function severalAccounts(count: number, by: string = byEither): Outcome {
  const message = `${count} Maptician accounts have this ${by}`;
  return { kind: 'failed', error: new SyncError('DuplicateTargetEntries', message) };
}

function refuseOwner(
  operation: Operation,
  owner: LinkedAccount | undefined,
  by: string | undefined,
): Outcome | undefined {
  if (owner === undefined || owner.entraId === operation.entraId || !owner.entitled) return undefined;
  return belongsTo(owner.entraId, by);
}

/** That user may be about to give the value up. */
function belongsTo(entraId: string, by: string = byEither): Outcome {
  const message = `The Maptician account with this ${by} belongs to another Entra user, ${entraId}`;
  return { kind: 'failed', error: new SyncError('Conflict', message), contested: true, waitsFor: entraId };
}

/** Resolves with the accounts for whose sake some were refused. */
async function createFresh(
  { store, rules }: CreateContext,
  operations: readonly Operation[],
  outcomes: Map<string, Outcome>,
  firstTry: boolean,
): Promise<Candidates> {
  const holders = new Map<number, Candidate>();
  if (operations.length === 0) return holders;
  if (!rules.actions.create) {
    const reason = 'not created: creating is off in the attribute table, and Maptician has no account to adopt';
    for (const { id } of operations) outcomes.set(String(id), { kind: 'skipped', reason });
    return holders;
  }
  const results = await store.create(
    operations.map((operation) => ({ key: String(operation.id), attributes: operation.attributes })),
    lookUpOf(operations, !firstTry),
  );
  for (const result of results) {
    if (result.outcome === 'conflict' && result.holders !== undefined) {
      holders.set(Number(result.key), { users: result.holders });
    }
  }
  const created = outcomesOf(operations, results, (_operation, mapticianId) => ({ kind: 'done', mapticianId }));
  for (const [key, outcome] of created) outcomes.set(key, outcome);
  return holders;
}

const unknownAdoption = { user: { attributes: {} }, changes: {}, note: '', passed: false };

async function adopt(
  { store }: CreateContext,
  adoptions: readonly Adoption[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  if (adoptions.length === 0) return;
  const results = await store.update(
    adoptions.map(({ operation, user, changes }) => ({
      key: String(operation.id),
      id: user.id,
      changes,
      before: user.attributes,
    })),
  );
  const byId = new Map(adoptions.map((adoption) => [adoption.operation.id, adoption]));
  const adopted = outcomesOf(
    adoptions.map(({ operation }) => operation),
    results,
    ({ id, entraId, redacted }, mapticianId) => {
      const { user, changes, note, passed } = byId.get(id) ?? unknownAdoption;
      return { kind: 'adopted', entraId, mapticianId, before: user.attributes, changes, note, passed, redacted };
    },
  );
  for (const [key, outcome] of adopted) outcomes.set(key, outcome);
}
