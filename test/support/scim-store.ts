/** A user store over SCIM on an emulated Maptician, with a state database of its own. */
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import type { Dialect } from '../../src/maptician/scim/patch.ts';
import { createRequestPace } from '../../src/maptician/scim/request-pace.ts';
import { createScimClient } from '../../src/maptician/scim/scim-client.ts';
import { openScimUserStore } from '../../src/maptician/scim/scim-user-store.ts';
import type { StoreResult, UserStore } from '../../src/maptician/user-store.ts';
import { type MapticianBehaviour, mapticianBehaviourSchema } from '../../src/sandbox/maptician/behaviour.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { bareUser } from '../user-store-contract.ts';
import { openTestState } from './state-database.ts';

interface User {
  readonly id: string;
  readonly before: UserAttributes;
}

export interface ScimStore extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** From now on it behaves so and not otherwise; it has no accounts, faults or requests left, and nobody tried it out. */
  begin(behaviour?: Partial<MapticianBehaviour>): Promise<void>;
  /** As a process that has just begun. */
  open(dialect?: Dialect): Promise<UserStore>;
  /** An account that has these attributes, and others not. */
  user(attributes?: UserAttributes): User;
  /** One update a user, all at once, as jobs do. */
  change(
    store: UserStore,
    users: readonly User[],
    changesOf: (index: number) => UserAttributes,
  ): Promise<StoreResult[]>;
  /** What was sent of this method. */
  sent(method: string): { readonly status: number; readonly text: string }[];
}

export async function openScimStore(): Promise<ScimStore> {
  const sandbox = await startSandbox({ users: 0, http: true });
  const state = await openTestState();
  const { maptician } = sandbox;
  const { signal } = new AbortController();
  let number = 0;
  return {
    sandbox,
    begin: async (behaviour = {}) => {
      maptician.clear();
      sandbox.faults.clear();
      sandbox.requests.clear();
      await state.pool.query("delete from facts where name = 'scim_profile'");
      Object.assign(maptician.behaviour, mapticianBehaviourSchema.parse(behaviour));
    },
    open: (dialect) => {
      const { url, token } = maptician;
      const pace = createRequestPace({ pool: state.pool, store: url, ceiling: 1000, signal });
      const client = createScimClient({ url, token, pace, signal, sleep: async () => undefined });
      return openScimUserStore({ client, url, store: url, pool: state.pool, dialect, instance: '0190f3b4-7000' });
    },
    user: (attributes = {}) => {
      number++;
      const before = { ...bareUser(`user${number}@a.example`), ...attributes };
      return { id: maptician.create(before).id, before };
    },
    change: async (store, users, changesOf) =>
      (
        await Promise.all(
          users.map(({ id, before }, index) => store.update([{ key: id, id, changes: changesOf(index), before }])),
        )
      ).flat(),
    sent: (method) =>
      sandbox.requests.entries
        .filter((entry) => entry.method === method)
        .map(({ status, body, url }) => ({ status, text: body === undefined ? url : JSON.stringify(body) })),
    [Symbol.asyncDispose]: async () => {
      await state.close();
      await sandbox.close();
    },
  };
}
