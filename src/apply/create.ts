/** Creates, adopts, and takes accounts over. */
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { UserAttributes } from '../mapping/maptician-user.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import { type LinkedAccount, lockLinkedAccounts, type Operation } from './operations.ts';
import { type Outcome, outcomesOf } from './outcome.ts';

interface CreateContext {
  readonly store: UserStore;
  readonly flowNulls: boolean;
}

/** A create looks for the user first: an account of that userName is adopted instead of being created twice. */
export async function createUsers(
  context: CreateContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
): Promise<Map<string, Outcome>> {
  const { found, owners } = await findAccounts(context.store, client, operations);
  const outcomes = new Map<string, Outcome>();
  const fresh: Operation[] = [];
  const adopted: Adoption[] = [];
  for (const operation of operations) {
    const users = found.get(operation.id) ?? [];
    const [user] = users;
    if (user === undefined) {
      fresh.push(operation);
      continue;
    }
    const owner = owners.get(user.id);
    const refusal = users.length > 1 ? severalAccounts(users.length) : refuseOwner(operation, owner);
    if (refusal !== undefined) {
      outcomes.set(String(operation.id), { kind: 'failed', error: refusal });
      continue;
    }
    const changes = changedAttributes(operation.attributes, user.attributes, { flowNulls: context.flowNulls });
    const passed = owner !== undefined && owner.entraId !== operation.entraId;
    adopted.push({
      operation,
      user,
      changes,
      passed,
      note: passed ? `the account of ${owner.entraId} passed to this user` : 'an existing account was adopted',
    });
  }
  await createFresh(context, fresh, outcomes);
  await adopt(context, adopted, outcomes);
  return outcomes;
}

/**
 * The accounts that have the wanted userNames, and who is linked to them. Where one belongs to another Entra user its
 * link is locked first and the account read again, since that user's last job may just have changed it.
 */
async function findAccounts(store: UserStore, client: pg.PoolClient, operations: readonly Operation[]) {
  const nameOf = (operation: Operation) => String(operation.attributes.userName ?? '');
  const match = async (wanted: readonly Operation[]) => {
    const users = await store.match(wanted.map(nameOf));
    const byName = new Map([...users].map(([name, found]) => [name.toLowerCase(), found]));
    return new Map(wanted.map((operation) => [operation.id, byName.get(nameOf(operation).toLowerCase()) ?? []]));
  };
  const found = await match(operations);
  const accounts = [...found.values()].flatMap((users) => users.map((user) => user.id));
  const owners = accounts.length === 0 ? new Map<string, LinkedAccount>() : await lockLinkedAccounts(client, accounts);
  if (owners.size === 0) return { found, owners };
  const owned = operations.filter((operation) => found.get(operation.id)?.some((user) => owners.has(user.id)));
  for (const [id, users] of await match(owned)) found.set(id, users);
  return { found, owners };
}

function severalAccounts(count: number): SyncError {
  return new SyncError('DuplicateTargetEntries', `${count} Maptician accounts have this userName`);
}

function refuseOwner(operation: Operation, owner: LinkedAccount | undefined): SyncError | undefined {
  if (owner === undefined || owner.entraId === operation.entraId || !owner.entitled) return undefined;
  return new SyncError(
    'Conflict',
    `The Maptician account with this userName belongs to another Entra user, ${owner.entraId}`,
  );
}

async function createFresh(
  { store }: CreateContext,
  operations: readonly Operation[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  if (operations.length === 0) return;
  const results = await store.create(
    operations.map((operation) => ({ key: String(operation.id), attributes: operation.attributes })),
  );
  const created = outcomesOf(operations, results, (_operation, mapticianId) => ({ kind: 'done', mapticianId }));
  for (const [key, outcome] of created) outcomes.set(key, outcome);
}

interface Adoption {
  readonly operation: Operation;
  readonly user: StoredUser;
  readonly changes: UserAttributes;
  readonly note: string;
  readonly passed: boolean;
}

const unknownAdoption = { user: { attributes: {} }, changes: {}, note: '', passed: false };

async function adopt(
  { store }: CreateContext,
  adoptions: readonly Adoption[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  if (adoptions.length === 0) return;
  const results = await store.update(
    adoptions.map(({ operation, user, changes }) => ({ key: String(operation.id), id: user.id, changes })),
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
