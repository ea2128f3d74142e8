/**
 * Access must end even where an account is not found by its id any more: ids may have changed, or a 404 was not
 * Maptician's. So it is looked up once more by its userName, and is the right one where it holds our object id.
 */
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import { lockLinkedAccounts, type Operation } from './operations.ts';
import { type Outcome, outcomesOf } from './outcome.ts';

/** New outcomes of removals that found no account: those whose account has another id now. */
export async function removeMoved(
  { store }: { readonly store: UserStore },
  client: pg.PoolClient,
  operations: readonly Operation[],
  outcomes: ReadonlyMap<string, Outcome>,
): Promise<Map<string, Outcome>> {
  const lost = operations.filter(
    ({ id, kind, applied }) =>
      outcomes.get(String(id))?.kind === 'gone' &&
      (kind === 'deactivate' || (kind === 'delete' && wasMissing(outcomes.get(String(id))))) &&
      typeof applied.userName === 'string',
  );
  if (lost.length === 0) return new Map();
  const moved = await findMoved(store, client, lost);
  if (moved.length === 0) return new Map();
  const requests = moved.map(({ operation, user }) => ({ key: String(operation.id), id: user.id }));
  const deletes = moved[0]?.operation.kind === 'delete';
  const results = deletes
    ? await store.delete(requests)
    : await store.update(
        moved.map(({ operation, user }) => ({
          key: String(operation.id),
          id: user.id,
          changes: operation.attributes,
          before: user.attributes,
        })),
      );
  const again = outcomesOf(
    moved.map(({ operation }) => operation),
    results,
    (_operation, mapticianId) =>
      deletes ? { kind: 'gone', did: 'delete', note: null, again: false } : { kind: 'done', mapticianId },
  );
  return new Map([...again].map(([id, outcome]) => [id, wasMissing(outcome) ? unknownById : outcome]));
}

const unknownById: Outcome = {
  kind: 'failed',
  error: new SyncError('InvalidAnchor', 'Maptician shows the account by its userName and does not know it by its id'),
};

function wasMissing(outcome: Outcome | undefined): boolean {
  return outcome?.kind === 'gone' && outcome.note !== null;
}

async function findMoved(store: UserStore, client: pg.PoolClient, lost: readonly Operation[]) {
  const nameOf = ({ applied }: Operation) => String(applied.userName);
  const found = await store.match('userName', lost.map(nameOf), { cycleId: lost[0]?.cycleId ?? 0, fresh: true });
  const moved = lost.flatMap((operation): { operation: Operation; user: StoredUser }[] => {
    const [user, ...others] = found.get(nameOf(operation)) ?? [];
    const isOurs = user?.attributes.externalId === operation.entraId && others.length === 0;
    return user !== undefined && isOurs ? [{ operation, user }] : [];
  });
  const owners = await lockLinkedAccounts(
    client,
    moved.map(({ user }) => user.id),
  );
  return moved.filter(
    ({ operation, user }) => (owners.get(user.id)?.entraId ?? operation.entraId) === operation.entraId,
  );
}
