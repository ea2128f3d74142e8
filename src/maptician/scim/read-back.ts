/**
 * What the server holds after a write. Its answer says so as a rule; where it does not, it is read back, but not each time:
 * that would double the requests.
 */
import type { UserAttributes } from '../../mapping/maptician-user.ts';
import { isSuccess, pathOf } from './answers.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';
import { refusalOf } from './scim-error.ts';
import { keptInstead, readAttributes } from './user-resource.ts';

/** Of writes that are answered without the whole user, one in so many is read back. */
const readBackEvery = 10;

export interface ReadBack {
  /** The resource as it is, or undefined where there is none. */
  raw(id: string): Promise<unknown>;
  /** What the server holds instead of what was written, as far as that is known; `always` reads it where need be. */
  kept(
    id: string,
    answer: ScimAnswer,
    written: UserAttributes,
    options?: { readonly always: boolean },
  ): Promise<UserAttributes>;
}

export function createReadBack(client: ScimClient): ReadBack {
  let unanswered = 0;
  // A write may be answered with a part of the user (RFC 7644 section 3.5.2); that looks as if the rest were gone.
  let answersArePartial = false;
  const knownToDiffer = new Set<string>();

  const raw = async (id: string): Promise<unknown> => {
    const answer = await client.request('GET', pathOf(id));
    if (answer.status === 404) return undefined;
    if (!isSuccess(answer)) throw refusalOf(answer);
    return answer.body;
  };

  return {
    raw,
    kept: async (id, answer, written, { always } = { always: false }) => {
      const answered = readAttributes(answer.body);
      const whole = !answersArePartial && answered.userName !== null;
      // What was once kept otherwise is looked after, or every resync would send it again.
      const doubtful = always || Object.keys(written).some((path) => knownToDiffer.has(path));
      if (!whole && !doubtful && unanswered++ % readBackEvery !== 0) return {};
      const told = whole ? keptInstead(written, answered) : undefined;
      if (told !== undefined && Object.keys(told).every((path) => knownToDiffer.has(path))) return told;
      const now = await raw(id);
      if (now === undefined) return {};
      const kept = keptInstead(written, readAttributes(now));
      for (const path of Object.keys(kept)) knownToDiffer.add(path);
      if (told !== undefined && Object.keys(kept).length < Object.keys(told).length) answersArePartial = true;
      return kept;
    },
  };
}
