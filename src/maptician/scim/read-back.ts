/**
 * What the server holds after a write. Its answer says so as a rule; where it does not, it is read back, but not each time:
 * that would double the requests.
 */
import { errorHandling, toSyncError } from '../../errors.ts';
import type { UserAttributes } from '../../mapping/maptician-user.ts';
import { isSuccess, pathOf } from './answers.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf } from './scim-error.ts';
import { keptInstead, readAttributes } from './user-resource.ts';

/** Of writes that are answered without the whole user, one in so many is read back. */
const readBackEvery = 10;

interface Held {
  /** What it holds instead of what was written, as far as that is known. */
  readonly kept: UserAttributes;
  /** The whole user; undefined where it was neither answered nor read, or is gone. */
  readonly resource: unknown;
  /** Whether the answer to the write said so itself. */
  readonly answered: boolean;
}

export interface ReadBack {
  /** The resource as it is, or undefined where there is none. */
  raw(id: string): Promise<unknown>;
  created(id: string, answer: ScimAnswer, written: UserAttributes): Promise<Held>;
  /** `always` reads it where the answer does not tell. */
  patched(
    id: string,
    answer: ScimAnswer,
    written: UserAttributes,
    options: { readonly always: boolean },
  ): Promise<Held>;
}

export function createReadBack(client: ScimClient): ReadBack {
  // The first one is read.
  let unread = readBackEvery - 1;
  // A write may be answered with a part of the user (RFC 7644 section 3.5.2); that looks as if the rest were gone.
  let answersArePartial = false;
  let patchesAreAnswered = false;
  let suspicion: Promise<void> | undefined;
  const knownToDiffer = new Set<string>();

  const raw = async (id: string): Promise<unknown> => {
    const answer = await client.request('GET', pathOf(id));
    if (answer.status === 404) return undefined;
    if (!isSuccess(answer)) throw refusalOf(answer);
    return answer.body;
  };

  const isWhole = ({ body }: ScimAnswer) => !answersArePartial && readAttributes(body).userName !== null;

  const held = async (id: string, answer: ScimAnswer, written: UserAttributes, always: boolean): Promise<Held> => {
    const whole = isWhole(answer);
    // What was once kept otherwise is looked after, or every resync would send it again.
    const doubtful = always || Object.keys(written).some((path) => knownToDiffer.has(path));
    if (!whole && !doubtful && ++unread < readBackEvery) return { kept: {}, resource: undefined, answered: false };
    const told = whole ? keptInstead(written, readAttributes(answer.body)) : undefined;
    if (told !== undefined && Object.keys(told).every((path) => knownToDiffer.has(path)))
      return { kept: told, resource: answer.body, answered: true };
    unread = 0;
    // What was written is written, whether it can be read or not; unless that is in doubt, and can be read another time.
    const resource = await raw(id).catch((thrown: unknown) => {
      const { stopsCycle, retryNow } = errorHandling(toSyncError(thrown).code);
      if (stopsCycle || (always && retryNow)) throw thrown;
      return undefined;
    });
    if (resource === undefined) return { kept: {}, resource, answered: false };
    const kept = keptInstead(written, readAttributes(resource));
    for (const path of Object.keys(kept)) knownToDiffer.add(path);
    if (told !== undefined && Object.keys(kept).length < Object.keys(told).length) answersArePartial = true;
    return { kept, resource, answered: whole && !answersArePartial };
  };

  return {
    raw,
    created: (id, answer, written) => held(id, answer, written, false),
    patched: async (id, answer, written, { always }) => {
      if (isWhole(answer)) {
        patchesAreAnswered = true;
        return held(id, answer, written, always);
      }
      // Without the user in it, an answer of a server that otherwise gives it says that nothing changed. One is looked into
      // at a time: where all is as it was sent, these answers say no such thing.
      const suspect = () => patchesAreAnswered && !answersArePartial;
      while (suspect() && suspicion !== undefined) await suspicion;
      if (!suspect()) return held(id, answer, written, always);
      const { promise, resolve } = Promise.withResolvers<void>();
      suspicion = promise;
      try {
        const found = await held(id, answer, written, true);
        if (found.resource !== undefined && Object.keys(found.kept).length === 0) patchesAreAnswered = false;
        return found;
      } finally {
        suspicion = undefined;
        resolve();
      }
    },
  };
}
