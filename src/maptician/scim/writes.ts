/** Creates, changes and deletes users in Maptician, a request each, and reads back what became of the values. */
import { SyncError } from '../../errors.ts';
import type { UserAttributes } from '../../mapping/maptician-user.ts';
import type { CreateRequest, DeleteRequest, StoreResult, UpdateRequest } from '../user-store.ts';
import { isSuccess, noEndpoint, pathOf } from './answers.ts';
import { type Dialect, type PatchOperation, patchBody, patchFromResource, patchOperations } from './patch.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf } from './scim-error.ts';
import { keptInstead, readAttributes, readUser, toResource } from './user-resource.ts';

/** Of changes that are answered without the user, one in so many is read back. */
const readBackEvery = 10;

export function createWrites(client: ScimClient, dialect: Dialect, typedPaths: boolean) {
  let unansweredPatches = 0;

  const create = async ({ key, attributes }: CreateRequest): Promise<StoreResult> => {
    if (typeof attributes.userName !== 'string' || attributes.userName === '') {
      const error = new SyncError('MandatoryFieldsMissing', 'A user needs a userName to be created');
      return { key, outcome: 'failed', error };
    }
    const answer = await client.request('POST', '/Users', { body: toResource(attributes) });
    if (isSuccess(answer)) {
      const { id, attributes: held } = readUser(answer.body);
      return done(key, id, true, keptInstead(attributes, held));
    }
    if (answer.status === 404) throw noEndpoint(answer);
    return refused(key, answer);
  };

  /** The resource as it is, or undefined where there is none. */
  const readRaw = async (id: string): Promise<unknown> => {
    const answer = await client.request('GET', pathOf(id));
    if (answer.status === 404) return undefined;
    if (!isSuccess(answer)) throw refusalOf(answer);
    return answer.body;
  };

  const send = (id: string, operations: readonly PatchOperation[]) =>
    client.request('PATCH', pathOf(id), { body: patchBody(operations) });

  /** Reads first: for what is not known, and where a value is not found by its path. */
  const updateAsRead = async (request: UpdateRequest, attempt = 1): Promise<StoreResult> => {
    const { key, id, changes } = request;
    const raw = await readRaw(id);
    if (raw === undefined) return { key, outcome: 'missing' };
    const operations = patchFromResource(changes, raw, dialect);
    if (operations.length === 0) return done(key, id, attempt > 1);
    const answer = await send(id, operations);
    if (!isSuccess(answer)) return refused(key, answer);
    const held = readUser(wholeUser(answer.body) ?? (await readRaw(id)) ?? raw);
    return done(key, id, true, keptInstead(changes, held.attributes));
  };

  const update = async (request: UpdateRequest): Promise<StoreResult> => {
    const { key, id, changes, before } = request;
    if (id === '') return { key, outcome: 'missing' };
    if (before === undefined || (!typedPaths && Object.keys(changes).some(isTyped))) return updateAsRead(request);
    const operations = patchOperations(changes, before, dialect);
    if (operations.length === 0) return done(key, id, false);
    const answer = await send(id, operations);
    if (answer.status === 400 && Object.keys(changes).some(isTyped)) return updateAsRead(request);
    if (!isSuccess(answer)) return refused(key, answer);
    const raw = wholeUser(answer.body) ?? (unansweredPatches++ % readBackEvery === 0 ? await readRaw(id) : undefined);
    if (raw === undefined) return done(key, id, true);
    const kept = keptInstead(changes, readUser(raw).attributes);
    // A server that does not understand a path with a filter may take it and do nothing.
    return Object.keys(kept).some(isTyped) ? updateAsRead(request, 2) : done(key, id, true, kept);
  };

  const remove = async ({ key, id }: DeleteRequest): Promise<StoreResult> => {
    if (id === '') return { key, outcome: 'missing' };
    const answer = await client.request('DELETE', pathOf(id));
    return isSuccess(answer) ? done(key, id, true) : refused(key, answer);
  };
  return { create, update, delete: remove };
}

const isTyped = (path: string) => path.includes('[');

/** A PATCH may be answered with a part of the user (RFC 7644 section 3.5.2); that would look as if the rest were gone. */
function wholeUser(body: unknown): unknown {
  return readAttributes(body).userName === null ? undefined : body;
}

function done(key: string, id: string, changed: boolean, kept: UserAttributes = {}): StoreResult {
  const result = { key, outcome: 'done', id, changed } as const;
  return Object.keys(kept).length === 0 ? result : { ...result, kept };
}

function refused(key: string, answer: ScimAnswer): StoreResult {
  if (answer.status === 404) return { key, outcome: 'missing' };
  const error = refusalOf(answer);
  return { key, outcome: error.code === 'Conflict' ? 'conflict' : 'failed', error };
}
