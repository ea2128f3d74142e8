/**
 * What a restart resets, in Microsoft's words
 * (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjobrestartcriteria).
 */
import { compareAgain } from './compare-again.ts';
import type { Queryable } from './database.ts';
import { forgetFact } from './facts.ts';

export const resetScopes = [
  'None',
  'ConnectorDataStore',
  'Escrows',
  'Watermark',
  'QuarantineState',
  'Full',
  'ForceDeletes',
] as const;
export type ResetScope = (typeof resetScopes)[number];

/** What a restart without a scope resets. Links are kept. */
export const defaultScopes: readonly ResetScope[] = ['QuarantineState', 'Watermark', 'Escrows'];

/** `Full` is everything but the removals that wait for a word of their own. */
const fullScopes: readonly ResetScope[] = ['ConnectorDataStore', 'Escrows', 'Watermark', 'QuarantineState'];

/** The scopes that a request stands for. */
export function scopesOf(asked: readonly ResetScope[]): ResetScope[] {
  const scopes = asked.flatMap((scope) => (scope === 'Full' ? fullScopes : scope === 'None' ? [] : [scope]));
  return [...new Set(scopes)];
}

/** Carries out what was asked for, when a cycle begins and in that transaction. */
export async function resetState(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ scopes: ResetScope[] }>(
    `update job set restart_scope = '{}' from (select restart_scope from job for update) as asked
     where asked.restart_scope <> '{}' returning asked.restart_scope as scopes`,
  );
  const scopes = new Set(rows[0]?.scopes ?? []);
  if (scopes.has('ConnectorDataStore')) await forgetLinks(db);
  if (scopes.has('Escrows')) await db.query('delete from escrow');
  if (scopes.has('ForceDeletes')) {
    await db.query(
      `update operations set state = 'approved' where state = 'held' and kind in ('deactivate', 'delete')`,
    );
  }
  if (scopes.has('Watermark')) {
    await db.query(`delete from cursors where name = 'users'`);
    // Without it the links are compared with what Maptician has.
    await forgetFact(db, 'user_store');
  }
}

/** Everyone is matched anew. The link of whoever is to lose access stays: without it nobody would know of the account. */
async function forgetLinks(db: Queryable): Promise<void> {
  await db.query(
    `delete from links l where not l.active or exists (
       select from users u where u.id = l.entra_id and u.presence = 'live' and u.in_scope and not u.filtered_out
         and u.attributes->>'accountEnabled' is distinct from 'false')`,
  );
  await compareAgain(db, 'select id from users');
}
