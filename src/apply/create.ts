/** Creates, adopts, and takes accounts over. */
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { UserAttributes } from '../mapping/maptician-user.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import { sameName } from '../plan/names.ts';
import { type LinkedAccount, lockLinkedAccounts, type Operation } from './operations.ts';
import { type Outcome, outcomesOf } from './outcome.ts';

interface CreateContext {
  readonly store: UserStore;
  readonly flowNulls: boolean;
}

/** The accounts that an operation's user may be, by operation id. */
type Candidates = ReadonlyMap<number, readonly StoredUser[]>;

/**
 * A create looks for the user first: an account of that userName is adopted instead of being created twice. So is the
 * account for whose sake the store refuses a new one, such as that of a returning person whose e-mail it has.
 */
export async function createUsers(
  context: CreateContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
  firstTry: boolean,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const byName = await claim(context.store, client, operations, await matchNames(context.store, operations, firstTry));
  const fresh = operations.filter(({ id }) => (byName.candidates.get(id) ?? []).length === 0);
  const refusedFor = await createFresh(context, fresh, outcomes, firstTry);
  const claimed = await claim(context.store, client, fresh, refusedFor, { reread: true });
  const holders = await withoutOthersNames(client, fresh, claimed, outcomes);
  const adoptions = [...choose(context, operations, byName, outcomes), ...choose(context, fresh, holders, outcomes)];
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
  const ids = [...new Set([...found.values()].flatMap((users) => users.map(({ id }) => id)))].sort();
  if (ids.length === 0) return { candidates: found, owners: new Map() };
  // Where accounts are found by more than their userName, two jobs may find the same one.
  if (store.listing !== undefined) await lockAccounts(client, ids);
  const owners = await lockLinkedAccounts(client, ids);
  const doubtful = reread ? ids : ids.filter((id) => owners.has(id));
  if (doubtful.length === 0) return { candidates: found, owners };
  const now = new Map((await store.read(doubtful, lookUpOf(operations, true))).map((user) => [user.id, user]));
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const candidates = new Map(
    [...found].map(([id, users]) => [
      id,
      users
        .flatMap((user) => (doubtful.includes(user.id) ? (now.get(user.id) ?? []) : user))
        .filter((user) => isCandidate(user, byId.get(id))),
    ]),
  );
  return { candidates, owners };
}

const email = 'emails[type eq "work"].value';

function isCandidate({ attributes: held }: StoredUser, operation: Operation | undefined): boolean {
  const same = (path: 'userName' | typeof email) =>
    sameName(String(held[path] ?? ''), String(operation?.attributes[path] ?? ''));
  return same('userName') || (same(email) && Boolean(held[email]));
}

/** In the order of the ids, so that two jobs cannot wait for each other. */
async function lockAccounts(client: pg.PoolClient, sortedIds: readonly string[]): Promise<void> {
  await client.query(
    `select pg_advisory_xact_lock(hashtextextended('account ' || id, 0))
     from (select id from unnest($1::text[]) with ordinality as a(id, place) order by place offset 0) a`,
    [sortedIds],
  );
}

/** The accounts that have the wanted userNames. */
async function matchNames(store: UserStore, operations: readonly Operation[], firstTry: boolean): Promise<Candidates> {
  const nameOf = (operation: Operation) => String(operation.attributes.userName ?? '');
  const users = await store.match(operations.map(nameOf), lookUpOf(operations, !firstTry));
  const byName = new Map([...users].map(([name, found]) => [name.toLowerCase(), found]));
  return new Map(operations.map((operation) => [operation.id, byName.get(nameOf(operation).toLowerCase()) ?? []]));
}

/** An account found by its e-mail whose userName is another living user's is that user's, linked or not. */
async function withoutOthersNames(
  client: pg.PoolClient,
  operations: readonly Operation[],
  { candidates, owners }: Claimed,
  outcomes: Map<string, Outcome>,
): Promise<Claimed> {
  const nameOf = (user: StoredUser) => String(user.attributes.userName ?? '').toLowerCase();
  const names = [...candidates.values()].flatMap((users) => users.map(nameOf));
  if (names.length === 0) return { candidates, owners };
  const { rows } = await client.query<{ name: string; id: string }>(
    `select lower(user_name) as name, id from users where lower(user_name) = any($1) and presence = 'live' and in_scope`,
    [names],
  );
  const left = new Map(candidates);
  for (const operation of operations) {
    const users = candidates.get(operation.id) ?? [];
    const rightful = rows.find(
      ({ name, id }) => id !== operation.entraId && users.some((user) => nameOf(user) === name),
    );
    if (rightful === undefined) continue;
    outcomes.set(String(operation.id), belongsTo(rightful.id));
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
  { flowNulls }: CreateContext,
  operations: readonly Operation[],
  { candidates, owners }: Claimed,
  outcomes: Map<string, Outcome>,
): Adoption[] {
  return operations.flatMap((operation) => {
    const users = candidates.get(operation.id) ?? [];
    const [user] = users;
    if (user === undefined) return [];
    const owner = owners.get(user.id);
    const refusal = users.length > 1 ? severalAccounts(users.length) : refuseOwner(operation, owner);
    if (refusal !== undefined) {
      outcomes.set(String(operation.id), refusal);
      return [];
    }
    const changes = changedAttributes(operation.attributes, user.attributes, { flowNulls });
    const passed = owner !== undefined && owner.entraId !== operation.entraId;
    const note = passed ? `the account of ${owner.entraId} passed to this user` : adoptionNote(operation, user);
    return [{ operation, user, changes, passed, note }];
  });
}

function adoptionNote({ attributes }: Operation, user: StoredUser): string {
  return sameName(String(attributes.userName ?? ''), String(user.attributes.userName ?? ''))
    ? 'an existing account was adopted'
    : 'an existing account with this e-mail was adopted';
}

function severalAccounts(count: number): Outcome {
  const message = `${count} Maptician accounts have this userName or e-mail`;
  return { kind: 'failed', error: new SyncError('DuplicateTargetEntries', message) };
}

function refuseOwner(operation: Operation, owner: LinkedAccount | undefined): Outcome | undefined {
  if (owner === undefined || owner.entraId === operation.entraId || !owner.entitled) return undefined;
  return belongsTo(owner.entraId);
}

/** That user may be about to give the value up. */
function belongsTo(entraId: string): Outcome {
  const message = `The Maptician account with this userName or e-mail belongs to another Entra user, ${entraId}`;
  return { kind: 'failed', error: new SyncError('Conflict', message), contested: true, waitsFor: entraId };
}

/** Resolves with the accounts for whose sake some were refused. */
async function createFresh(
  { store }: CreateContext,
  operations: readonly Operation[],
  outcomes: Map<string, Outcome>,
  firstTry: boolean,
): Promise<Candidates> {
  const holders = new Map<number, readonly StoredUser[]>();
  if (operations.length === 0) return holders;
  const results = await store.create(
    operations.map((operation) => ({ key: String(operation.id), attributes: operation.attributes })),
    lookUpOf(operations, !firstTry),
  );
  for (const result of results) {
    if (result.outcome === 'conflict' && result.holders !== undefined) holders.set(Number(result.key), result.holders);
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
    ({ id, entraId }, mapticianId) => {
      const { user, changes, note, passed } = byId.get(id) ?? unknownAdoption;
      return { kind: 'adopted', entraId, mapticianId, before: user.attributes, changes, note, passed };
    },
  );
  for (const [key, outcome] of adopted) outcomes.set(key, outcome);
}
