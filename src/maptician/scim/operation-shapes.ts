/**
 * The shapes of PATCH operations. Some servers answer 200 or 204 to a shape that they do not understand, and do nothing; so
 * until one is seen to work, it is tried on one user at a time.
 */
import { type AttributePath, attributePaths, type UserAttributes } from '../../mapping/maptician-user.ts';
import type { PatchOperation } from './patch.ts';

/** `typed` ones have a path with a filter; `listAdd` adds entries to a list. */
export const shapes = [
  'write',
  'remove',
  'listAdd',
  'typedAdd',
  'typedReplace',
  'typedRemove',
  'typedEntryRemove',
] as const;

export type Shape = (typeof shapes)[number];

/** By which shape each changed attribute goes; without those that no operation is about. */
export function shapesOf(
  operations: readonly PatchOperation[],
  changes: UserAttributes,
): ReadonlyMap<AttributePath, Shape> {
  const found = new Map<AttributePath, Shape>();
  for (const path of attributePaths) {
    if (changes[path] === undefined) continue;
    // The longest, since an entry may be added to a list in which another is replaced.
    const [operation] = operations
      .filter((one) => path === one.path || path.startsWith(`${one.path}[`) || path.startsWith(`${one.path}.`))
      .toSorted((one, other) => other.path.length - one.path.length);
    if (operation !== undefined) found.set(path, shapeOf(operation));
  }
  return found;
}

function shapeOf({ op, path, value }: PatchOperation): Shape {
  const verb = op.toLowerCase();
  if (!path.includes('[')) return verb === 'remove' ? 'remove' : Array.isArray(value) ? 'listAdd' : 'write';
  if (verb === 'remove') return path.endsWith(']') ? 'typedEntryRemove' : 'typedRemove';
  return verb === 'add' ? 'typedAdd' : 'typedReplace';
}

export interface ShapeTrials {
  isConfirmed(shape: Shape): boolean;
  confirm(shape: Shape): void;
  /**
   * Runs `work` when none of the unconfirmed shapes it would use is being tried by another, and meanwhile keeps others from
   * trying them.
   * @param wanted the shapes it would use now; asked again after each wait, since more is known then
   */
  run<Result>(wanted: () => Iterable<Shape>, work: () => Promise<Result>): Promise<Result>;
}

export function createShapeTrials(known: readonly Shape[]): ShapeTrials {
  const confirmed = new Set(known);
  const trials = new Map<Shape, Promise<boolean>>();
  return {
    isConfirmed: (shape) => confirmed.has(shape),
    confirm: (shape) => void confirmed.add(shape),
    run: async (wanted, work) => {
      let unconfirmed: Shape[];
      for (let answered = true; ; ) {
        unconfirmed = [...wanted()].filter((shape) => !confirmed.has(shape));
        const trial = unconfirmed.map((shape) => trials.get(shape)).find((one) => one !== undefined);
        // Of a server that does not answer nothing is learned by waiting in line for each timeout.
        if (trial === undefined || !answered) break;
        answered = await trial;
      }
      const { promise, resolve } = Promise.withResolvers<boolean>();
      for (const shape of unconfirmed) trials.set(shape, promise);
      let answered = false;
      try {
        const result = await work();
        answered = true;
        return result;
      } finally {
        for (const shape of unconfirmed) if (trials.get(shape) === promise) trials.delete(shape);
        resolve(answered);
      }
    },
  };
}
