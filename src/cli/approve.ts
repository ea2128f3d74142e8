/** `approve` and `reject`: an operator's word on what the guard holds. */

import { answerHeld } from '../cycle/answer-held.ts';
import { describeKinds, fateOfRejected } from '../words.ts';
import { print, withService } from './command.ts';

export interface AnswerOptions {
  /** Only these of the set, by object id or userName. */
  readonly user?: readonly string[];
}

/** Lets a set, or some of it, be carried out by the next cycle. */
export async function approve(set: number, options: AnswerOptions): Promise<number> {
  return answer('approved', set, options);
}

/** Leaves the users of a set, or some of them, as they are: until something else is to be done for them. */
export async function reject(set: number, options: AnswerOptions): Promise<number> {
  return answer('rejected', set, options);
}

async function answer(word: 'approved' | 'rejected', set: number, { user }: AnswerOptions): Promise<number> {
  return withService({}, async ({ database, guard }) => {
    const { expiryDays } = guard;
    const { kinds, unknown } = await answerHeld(database.pool, { answer: word, set, users: user, expiryDays });
    if (unknown.length > 0) {
      process.stderr.write(
        `Not held in set ${set}: ${unknown.join(', ')}. Nothing was ${word}. See who is: maptician-sync plan\n`,
      );
      return 2;
    }
    const what = describeKinds(kinds);
    if (what === '') {
      process.stderr.write(`No removals are held as set ${set}. See which are: maptician-sync status\n`);
      return 2;
    }
    print(
      word === 'approved'
        ? `Approved: ${what}. The next cycle carries this out; to do it now: maptician-sync sync`
        : `Rejected: ${what}. ${fateOfRejected(kinds)}`,
    );
    return 0;
  });
}
