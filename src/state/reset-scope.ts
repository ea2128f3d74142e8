/**
 * What a restart resets, in Microsoft's words
 * (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjobrestartcriteria).
 */
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

/** A comma-separated list as it is written, whatever the case of its letters; undefined where a word is none of them. */
export function parseScopes(text: string): ResetScope[] | undefined {
  const words = text.split(',').map((word) => word.trim().toLowerCase());
  const scopes = words.flatMap((word) => resetScopes.find((known) => known.toLowerCase() === word) ?? []);
  return scopes.length === words.length ? scopes : undefined;
}

/** The scopes that a request stands for. */
export function scopesOf(asked: readonly ResetScope[]): ResetScope[] {
  const scopes = asked.flatMap((scope) => (scope === 'Full' ? fullScopes : scope === 'None' ? [] : [scope]));
  return [...new Set(scopes)];
}

/** Carries out what was asked for, when a cycle begins and in that transaction; ConnectorDataStore is for its end. */
export async function resetState(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ scopes: ResetScope[] }>(
    `update job set restart_scope = array(select unnest(asked.restart_scope) intersect select 'ConnectorDataStore')
     from (select restart_scope from job for update) as asked
     where asked.restart_scope <> '{}' returning asked.restart_scope as scopes`,
  );
  const scopes = new Set(rows[0]?.scopes ?? []);
  if (scopes.has('Escrows')) {
    await db.query(`delete from escrow where action not in ('disable', 'delete')`);
    // A removal that failed is tried again instead: if it were forgotten, nobody would end that access any more.
    await db.query('update escrow set next_retry_at = now(), payload = null, waits_for = null');
  }
  if (scopes.has('Watermark')) {
    await db.query(`delete from cursors where name = 'users'`);
    // Without it the links are compared with what Maptician has.
    await forgetFact(db, 'user_store');
  }
}

/**
 * Where ConnectorDataStore was asked for, everyone is to be matched anew; in a transaction, when all else of a cycle has been
 * done. Only links of those who have access go: without the others nobody would know whose accounts are to be removed.
 * Resolves with whether there is anybody to match.
 */
export async function forgetLinks(db: Queryable): Promise<boolean> {
  const { rowCount: asked } = await db.query(
    `update job set restart_scope = array_remove(restart_scope, 'ConnectorDataStore')
     where 'ConnectorDataStore' = any(restart_scope)`,
  );
  if (asked !== 1) return false;
  const { rowCount } = await db.query(
    `with forgotten as (
       delete from links l using users u
       where u.id = l.entra_id and l.active and u.presence = 'live' and u.in_scope and not u.filtered_out and not u.needs_read
         and u.attributes->>'accountEnabled' is distinct from 'false'
         and not exists (select from operations o where o.entra_id = l.entra_id)
         and not exists (select from escrow e where e.entra_id = l.entra_id)
       returning l.entra_id)
     insert into to_compare select entra_id from forgotten on conflict do nothing`,
  );
  return rowCount !== 0;
}
