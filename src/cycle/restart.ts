/** A restart as an operator asks for it: what is held now is approved at once, the rest is for the next cycle. */
import type pg from 'pg';
import { writeAudit } from '../state/audit.ts';
import { transaction } from '../state/database.ts';
import { readHeldSets } from '../state/held-sets.ts';
import { requestRestart } from '../state/job.ts';
import type { ResetScope } from '../state/reset-scope.ts';
import { answerHeld } from './answer-held.ts';

/** Resolves with how many held removals and other changes were approved. */
export async function restart(
  pool: pg.Pool,
  scopes: readonly ResetScope[],
  { expiryDays, actor }: { readonly expiryDays: number; readonly actor?: string | undefined },
): Promise<number> {
  let approved = 0;
  // Only what is held at this moment: the operator has not seen what is held later.
  const sets = scopes.includes('ForceDeletes') ? await readHeldSets(pool) : [];
  for (const { set } of sets) {
    const { kinds } = await answerHeld(pool, { answer: 'approved', set, users: undefined, expiryDays, actor });
    approved += Object.values(kinds).reduce((sum, users) => sum + users, 0);
  }
  await transaction(pool, async (client) => {
    await writeAudit(client, { actor, action: 'restart', subject: null, detail: { scopes } });
    await requestRestart(client, scopes);
  });
  return approved;
}
