/** Creates, changes and deletes users in Maptician, a request each, and reads back what became of the values. */
import { SyncError } from '../../errors.ts';
import type { AttributePath, UserAttributes } from '../../mapping/maptician-user.ts';
import type { CreateRequest, DeleteRequest, StoreResult, UpdateRequest } from '../user-store.ts';
import { createdId, isSuccess, noEndpoint, pathOf } from './answers.ts';
import { createShapeTrials, type Shape, shapesOf } from './operation-shapes.ts';
import { type Dialect, type PatchOperation, patchFromResource, patchOperations } from './patch.ts';
import { createPatchSender } from './patch-sender.ts';
import { createReadBack } from './read-back.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf } from './scim-error.ts';
import { attributeValue, isDoubled, readUser, toResource } from './user-resource.ts';

export interface WritesOptions {
  readonly dialect: Dialect;
  /** Forced, or found out; otherwise others are tried where this one is refused. */
  readonly certain: boolean;
  /** Whether values are found by their type. */
  readonly typedPaths: boolean;
  /** What was seen to work. */
  readonly shapes: readonly Shape[];
}

export function createWrites(client: ScimClient, options: WritesOptions) {
  let { typedPaths } = options;
  const sender = createPatchSender(client, options.dialect, options.certain);
  const readBack = createReadBack(client);
  const trials = createShapeTrials(options.shapes);

  const create = async ({ key, attributes }: CreateRequest): Promise<StoreResult> => {
    if (typeof attributes.userName !== 'string' || attributes.userName === '') {
      const error = new SyncError('MandatoryFieldsMissing', 'A user needs a userName to be created');
      return { key, outcome: 'failed', error };
    }
    const answer = await client.request('POST', '/Users', { body: toResource(attributes) });
    if (answer.status === 404) throw noEndpoint(answer);
    if (!isSuccess(answer)) return refused(key, answer);
    const id = createdId(answer) ?? readUser(answer.body).id;
    return done(key, id, true, (await readBack.created(id, answer, attributes)).kept);
  };

  /** The safe form: from the user as it is, without a filter in any path. */
  const updateAsRead = async ({ key, id, changes }: UpdateRequest, known?: unknown): Promise<StoreResult> => {
    const resource = known ?? (await readBack.raw(id));
    if (resource === undefined) return { key, outcome: 'missing' };
    if (patchFromResource(changes, resource, sender.dialect).length === 0) return done(key, id, false);
    const { answer } = await sender.send(id, (dialect) => patchFromResource(changes, resource, dialect));
    if (!isSuccess(answer)) return refused(key, answer);
    return done(key, id, true, (await readBack.patched(id, answer, changes, { always: true })).kept);
  };

  const update = async (request: UpdateRequest): Promise<StoreResult> => {
    const { key, id, changes, before } = request;
    if (id === '') return { key, outcome: 'missing' };
    if (before === undefined) return updateAsRead(request);
    const typed = Object.keys(changes).some(isTyped);
    const isAsRead = () => typed && !typedPaths;
    const operationsIn = (dialect: Dialect) => patchOperations(changes, before, dialect);
    const wanted = () => (isAsRead() ? [] : shapesOf(operationsIn(sender.dialect), changes).values());
    return trials.run(wanted, async () => {
      if (isAsRead()) return updateAsRead(request);
      if (operationsIn(sender.dialect).length === 0) return done(key, id, false);
      const { answer, operations } = await sender.send(id, operationsIn);
      if (answer.status === 400 && typed) {
        const result = await updateAsRead(request);
        if (result.outcome === 'done') doubt(shapesOf(operations, changes));
        return result;
      }
      return isSuccess(answer) ? settle({ ...request, before }, answer, operations) : refused(key, answer);
    });
  };

  /** Learns from what became of a change, and makes good what was taken without a word and not done. */
  const settle = async (
    request: UpdateRequest & { readonly before: UserAttributes },
    answer: ScimAnswer,
    operations: readonly PatchOperation[],
  ): Promise<StoreResult> => {
    const { key, id, changes, before } = request;
    const used = shapesOf(operations, changes);
    const always = [...used.values()].some((shape) => !trials.isConfirmed(shape));
    const { kept, resource, answered } = await readBack.patched(id, answer, changes, { always });
    if (resource === undefined) return done(key, id, true, kept);
    const paths = Object.keys(kept) as AttributePath[];
    for (const [path, shape] of used) if (kept[path] === undefined) trials.confirm(shape);
    // What changed was understood; but of a server that does not answer with the user, `before` is no more than a belief.
    const touched = paths.filter((path) => !sameValue(kept, before, path));
    if (answered) for (const path of touched) confirmIfUsed(used.get(path));
    const doubtful = paths.filter((path) => {
      const shape = used.get(path);
      if (shape !== undefined && !trials.isConfirmed(shape)) return true;
      return isTyped(path) && (!touched.includes(path) || isDoubled(resource, path));
    });
    const repair = Object.fromEntries(doubtful.map((path) => [path, changes[path] ?? null]));
    const sent = new Set(operations.map((operation) => JSON.stringify(operation)));
    const isNew = (operation: PatchOperation) => !sent.has(JSON.stringify(operation));
    // The same once more would change nothing: Maptician keeps another value, or none.
    if (!patchFromResource(repair, resource, sender.dialect).some(isNew)) return done(key, id, true, kept);
    const repaired = await updateAsRead({ key, id, changes: repair }, resource);
    if (repaired.outcome !== 'done') return repaired;
    const keptThen = repaired.kept ?? {};
    const mended = doubtful.filter((path) => keptThen[path] === undefined);
    doubt(new Map([...used].filter(([path]) => mended.includes(path))), { certain: true });
    const others = Object.entries(kept).filter(([path]) => !(path in repair));
    return done(key, id, true, { ...Object.fromEntries(others), ...keptThen });
  };

  const confirmIfUsed = (shape: Shape | undefined) => {
    if (shape !== undefined) trials.confirm(shape);
  };

  /** What another form did and these shapes did not; `certain`: even if one of them has worked before. */
  const doubt = (used: ReadonlyMap<AttributePath, Shape>, { certain } = { certain: false }) => {
    for (const [path, shape] of used) if (isTyped(path) && (certain || !trials.isConfirmed(shape))) typedPaths = false;
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
