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
  const { found, owners } = await findAccounts(context.store, client, operations, firstTry);
  const fresh = operations.filter(({ id }) => (found.get(id) ?? []).length === 0);
  const holders = await createFresh(context, fresh, outcomes, firstTry);
  const refusedFor = [...holders.values()].flatMap((users) => users.map(({ id }) => id));
  const holdersOwners = refusedFor.length === 0 ? owners : await lockLinkedAccounts(client, refusedFor);
  await adopt(
    context,
    [
      ...choose(context, operations, found, owners, outcomes),
      ...choose(context, fresh, holders, holdersOwners, outcomes),
    ],
    outcomes,
  );
  return outcomes;
}

/**
 * The accounts that have the wanted userNames, and who is linked to them. Where one belongs to another Entra user its
 * link is locked first and the account read again, since that user's last job may just have changed it.
 */
async function findAccounts(
  store: UserStore,
  client: pg.PoolClient,
  operations: readonly Operation[],
  firstTry: boolean,
) {
  const nameOf = (operation: Operation) => String(operation.attributes.userName ?? '');
  const match = async (wanted: readonly Operation[], fresh: boolean) => {
    const users = await store.match(wanted.map(nameOf), lookUpOf(wanted, fresh));
    const byName = new Map([...users].map(([name, found]) => [name.toLowerCase(), found]));
    return new Map(wanted.map((operation) => [operation.id, byName.get(nameOf(operation).toLowerCase()) ?? []]));
  };
  const found = await match(operations, !firstTry);
  const accounts = [...found.values()].flatMap((users) => users.map((user) => user.id));
  const owners = accounts.length === 0 ? new Map<string, LinkedAccount>() : await lockLinkedAccounts(client, accounts);
  if (owners.size === 0) return { found, owners };
  const owned = operations.filter((operation) => found.get(operation.id)?.some((user) => owners.has(user.id)));
  for (const [id, users] of await match(owned, true)) found.set(id, users);
  return { found, owners };
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
  candidates: Candidates,
  owners: ReadonlyMap<string, LinkedAccount>,
  outcomes: Map<string, Outcome>,
): Adoption[] {
  return operations.flatMap((operation) => {
    const users = candidates.get(operation.id) ?? [];
    const [user] = users;
    if (user === undefined) return [];
    const owner = owners.get(user.id);
    const refusal = users.length > 1 ? severalAccounts(users.length) : refuseOwner(operation, owner);
    if (refusal !== undefined) {
      outcomes.set(String(operation.id), { kind: 'failed', error: refusal });
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

function severalAccounts(count: number): SyncError {
  return new SyncError('DuplicateTargetEntries', `${count} Maptician accounts have this userName or e-mail`);
}

function refuseOwner(operation: Operation, owner: LinkedAccount | undefined): SyncError | undefined {
  if (owner === undefined || owner.entraId === operation.entraId || !owner.entitled) return undefined;
  return new SyncError(
    'Conflict',
    `The Maptician account with this userName or e-mail belongs to another Entra user, ${owner.entraId}`,
  );
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
