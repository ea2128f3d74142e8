/** Creates, changes and deletes users in Maptician, a request each, and reads back what became of the values. */
import { SyncError } from '../../errors.ts';
import type { AttributePath, UserAttributes } from '../../mapping/maptician-user.ts';
import type { CreateRequest, DeleteRequest, StoreResult, UpdateRequest } from '../user-store.ts';
import { isSuccess, noEndpoint, pathOf } from './answers.ts';
import { type Dialect, type PatchOperation, patchBody, patchFromResource, patchOperations } from './patch.ts';
import { createReadBack } from './read-back.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf } from './scim-error.ts';
import { attributeValue, readUser, toResource } from './user-resource.ts';

export interface WritesOptions {
  readonly dialect: Dialect;
  /** Forced, or found out; otherwise the other one is tried where this one is refused. */
  readonly certain: boolean;
  /** Whether values are found by their type. */
  readonly typedPaths: boolean;
}

export function createWrites(client: ScimClient, options: WritesOptions) {
  let { dialect, certain } = options;
  const readBack = createReadBack(client);

  const create = async ({ key, attributes }: CreateRequest): Promise<StoreResult> => {
    if (typeof attributes.userName !== 'string' || attributes.userName === '') {
      const error = new SyncError('MandatoryFieldsMissing', 'A user needs a userName to be created');
      return { key, outcome: 'failed', error };
    }
    const answer = await client.request('POST', '/Users', { body: toResource(attributes) });
    if (answer.status === 404) throw noEndpoint(answer);
    if (!isSuccess(answer)) return refused(key, answer);
    const { id } = readUser(answer.body);
    return done(key, id, true, await readBack.kept(id, answer, attributes));
  };

  /** A refusal of the first change may be one of its form. */
  const send = async (id: string, operations: (dialect: Dialect) => readonly PatchOperation[]): Promise<ScimAnswer> => {
    const patch = (spoken: Dialect) => client.request('PATCH', pathOf(id), { body: patchBody(operations(spoken)) });
    const answer = await patch(dialect);
    if (isSuccess(answer)) certain = true;
    if (answer.status !== 400 || certain) return answer;
    const other = dialect === 'compliant' ? 'classic' : 'compliant';
    const second = await patch(other);
    if (!isSuccess(second)) return answer;
    dialect = other;
    certain = true;
    return second;
  };

  /** Reads first: for what is not known, and where a value is not found by its path. */
  const updateAsRead = async ({ key, id, changes }: UpdateRequest, changed = false): Promise<StoreResult> => {
    const raw = await readBack.raw(id);
    if (raw === undefined) return { key, outcome: 'missing' };
    if (patchFromResource(changes, raw, dialect).length === 0) return done(key, id, changed);
    const answer = await send(id, (spoken) => patchFromResource(changes, raw, spoken));
    if (!isSuccess(answer)) return refused(key, answer);
    return done(key, id, true, await readBack.kept(id, answer, changes, { always: true }));
  };

  const update = async (request: UpdateRequest): Promise<StoreResult> => {
    const { key, id, changes, before } = request;
    const typed = Object.keys(changes).some(isTyped);
    if (id === '') return { key, outcome: 'missing' };
    if (before === undefined || (typed && !options.typedPaths)) return updateAsRead(request);
    if (patchOperations(changes, before, dialect).length === 0) return done(key, id, false);
    const answer = await send(id, (spoken) => patchOperations(changes, before, spoken));
    if (answer.status === 400 && typed) return updateAsRead(request);
    if (!isSuccess(answer)) return refused(key, answer);
    const kept = await readBack.kept(id, answer, changes);
    // A server that does not understand a path with a filter may take it and do nothing. What it changed it understood.
    const untouched = Object.keys(kept).some((path) => isTyped(path) && sameValue(kept, before, path as AttributePath));
    return untouched ? updateAsRead(request, true) : done(key, id, true, kept);
  };

  const remove = async ({ key, id }: DeleteRequest): Promise<StoreResult> => {
    if (id === '') return { key, outcome: 'missing' };
    const answer = await client.request('DELETE', pathOf(id));
    return isSuccess(answer) ? done(key, id, true) : refused(key, answer);
  };
  return { create, update, delete: remove };
}

const isTyped = (path: string) => path.includes('[');

const sameValue = (one: UserAttributes, other: UserAttributes, path: AttributePath) =>
  attributeValue(one, path) === attributeValue(other, path);

function done(key: string, id: string, changed: boolean, kept: UserAttributes = {}): StoreResult {
  const result = { key, outcome: 'done', id, changed } as const;
  return Object.keys(kept).length === 0 ? result : { ...result, kept };
}

function refused(key: string, answer: ScimAnswer): StoreResult {
  if (answer.status === 404) return { key, outcome: 'missing' };
  const error = refusalOf(answer);
  return { key, outcome: error.code === 'Conflict' ? 'conflict' : 'failed', error };
}
