/** Creates, adopts, and takes accounts over. */
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import { matchAccounts } from '../maptician/match-accounts.ts';
import type { StoredUser } from '../maptician/user-store.ts';
import { sameName } from '../plan/names.ts';
import type { ApplyContext } from './apply.ts';
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
 * A create looks for the user first, by each matching attribute in turn: an account that is found is adopted instead of being created twice. So is the
 * account for whose sake the store refuses a new one, such as that of a returning person whose e-mail it has.
 */
export async function createUsers(
  context: CreateContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
  firstTry: boolean,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const { found, owners } = await findAccounts(context, client, operations, firstTry);
  const fresh = operations.filter(({ id }) => !found.has(id));
  const holders = await createFresh(context, fresh, outcomes, firstTry);
  const refusedFor = [...holders.values()].flatMap(({ users }) => users.map(({ id }) => id));
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
 * The accounts that match the wanted users, and who is linked to them. Where one belongs to another Entra user its
 * link is locked first and the account read again, since that user's last job may just have changed it.
 */
async function findAccounts(
  { store, rules }: CreateContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
  firstTry: boolean,
) {
  const match = async (wanted: readonly Operation[], fresh: boolean) => {
    const lookUp = lookUpOf(wanted, fresh);
    const matches = await matchAccounts(store, rules.matching, wanted, ({ attributes }) => attributes, lookUp);
    return new Map<number, Candidate>([...matches].map(([operation, found]) => [operation.id, found]));
  };
  const found = await match(operations, !firstTry);
  const accounts = [...found.values()].flatMap(({ users }) => users.map((user) => user.id));
  const owners = accounts.length === 0 ? new Map<string, LinkedAccount>() : await lockLinkedAccounts(client, accounts);
  if (owners.size === 0) return { found, owners };
  const owned = operations.filter(({ id }) => found.get(id)?.users.some((user) => owners.has(user.id)));
  const again = await match(owned, true);
  for (const { id } of owned) {
    const match = again.get(id);
    if (match === undefined) found.delete(id);
    else found.set(id, match);
  }
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
  { rules: { flowNulls, actions } }: CreateContext,
  operations: readonly Operation[],
  candidates: Candidates,
  owners: ReadonlyMap<string, LinkedAccount>,
  outcomes: Map<string, Outcome>,
): Adoption[] {
  return operations.flatMap((operation) => {
    const { users, by } = candidates.get(operation.id) ?? { users: [] };
    const [user] = users;
    if (user === undefined) return [];
    const owner = owners.get(user.id);
    const refusal = users.length > 1 ? severalAccounts(users.length, by) : refuseOwner(operation, owner, by);
    if (refusal !== undefined) {
      outcomes.set(String(operation.id), { kind: 'failed', error: refusal });
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

function severalAccounts(count: number, by = 'userName or e-mail'): SyncError {
  return new SyncError('DuplicateTargetEntries', `${count} Maptician accounts have this ${by}`);
}

function refuseOwner(
  operation: Operation,
  owner: LinkedAccount | undefined,
  by = 'userName or e-mail',
): SyncError | undefined {
  if (owner === undefined || owner.entraId === operation.entraId || !owner.entitled) return undefined;
  return new SyncError(
    'Conflict',
    `The Maptician account with this ${by} belongs to another Entra user, ${owner.entraId}`,
  );
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
