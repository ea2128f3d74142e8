/** A user store that tells how accounts were looked for, so that the step is seen without looking twice. */
import type { AttributePath } from '../mapping/maptician-user.ts';
import { redact, redactedText } from '../mapping/redaction.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { MatchTry } from './provision-steps.ts';

/**
 * Tells `matched` once, of all tries: when the store is first written to, or when `ended` is called.
 * @param hidden the attributes whose values are shown nowhere
 */
export function watchedStore(
  store: UserStore,
  hidden: readonly AttributePath[],
  matched: (tries: readonly MatchTry[]) => void,
): { readonly store: UserStore; readonly ended: () => void } {
  const tries: MatchTry[] = [];
  let told = false;
  const ended = () => {
    if (told || tries.length === 0) return;
    told = true;
    matched(tries);
  };
  const before =
    <Arguments extends unknown[], Result>(work: (...given: Arguments) => Promise<Result>) =>
    (...given: Arguments) => {
      ended();
      return work(...given);
    };
  const watched: UserStore = {
    ...store,
    match: async (attribute, values, lookUp) => {
      const found = await store.match(attribute, values, lookUp);
      for (const value of values) {
        const accounts = found.get(value) ?? [];
        tries.push({
          attribute,
          value: hidden.includes(attribute) ? redactedText : value,
          accounts: accounts.map((account) => ({
            id: account.id,
            userName: redact(account.attributes, hidden).userName ?? null,
          })),
        });
      }
      return found;
    },
    create: before(store.create),
    update: before(store.update),
    delete: before(store.delete),
  };
  return { store: watched, ended };
}
