/** What somebody else did to an account in Maptician: what was applied against what is there. Pure. */
import { createHash } from 'node:crypto';
import { SyncError } from '../errors.ts';
import { activeOf, changedAttributes, type MappedUser, mapUser } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import { type Link, type PlanRules, reasonInactive, type Subject } from './decide.ts';

/**
 * - `access`: active although it was deactivated, or inactive although it is to be active;
 * - `missing`: the linked account is gone;
 * - `changed`: other values than were applied.
 */
export const driftKinds = ['access', 'missing', 'changed'] as const;
export type DriftKind = (typeof driftKinds)[number];

export interface Drift {
  readonly kind: DriftKind;
  /** In words, without values. */
  readonly reason: string;
  /** What was applied and what was found, by attribute; values that are shown nowhere are masked. */
  readonly before: UserAttributes;
  readonly after: UserAttributes;
  /** A hash of kind and found values: another one is another drift. */
  readonly found: string;
}

/** What a linked account was found to hold. */
export interface FoundAccount {
  /** Undefined where the account is gone. */
  readonly stored: UserAttributes | undefined;
  /** The same, but where Maptician is known to keep something else, what was applied. */
  readonly applied: UserAttributes;
}

/**
 * The drift of one linked user, or undefined. Only what would be made good counts: not what a person may change, such as
 * attributes outside of the table or for new accounts only, and of whoever has no access nothing but access itself.
 */
export function driftOf(
  subject: Subject & { readonly link: Link },
  found: FoundAccount,
  rules: PlanRules,
): Drift | undefined {
  const { link } = subject;
  const { stored } = found;
  if (stored === undefined) return drift('missing', 'the account is not in Maptician any more', {}, {}, []);
  const entitled = hasAccess(subject, rules);
  if (!link.active) {
    if (stored.active !== true) return undefined;
    return drift('access', 'active in Maptician, although it was deactivated', { active: false }, { active: true }, []);
  }
  if (!entitled) return undefined;
  const { paths, hidden } = changesOf(subject, found.applied, rules);
  const before = pick(link.applied, paths);
  const after = pick(stored, paths);
  if (stored.active === false) {
    const reason = 'inactive in Maptician, although it is to be active';
    return drift('access', reason, { active: true, ...before }, { active: false, ...after }, hidden);
  }
  if (paths.length === 0) return undefined;
  return drift('changed', `changed in Maptician: ${paths.join(', ')}`, before, after, hidden);
}

function drift(
  kind: DriftKind,
  reason: string,
  before: UserAttributes,
  after: UserAttributes,
  hidden: readonly AttributePath[],
): Drift {
  const found = createHash('sha256')
    .update(JSON.stringify([kind, Object.entries(after).sort()]))
    .digest('hex');
  return { kind, reason, before: redact(before, hidden), after: redact(after, hidden), found: found.slice(0, 32) };
}

function hasAccess(subject: Subject, { table }: PlanRules): boolean {
  if (reasonInactive(subject) !== undefined) return false;
  return activeOf(table, subject.source, { isSoftDeleted: false }) !== false;
}

/** The attributes that would be written again, access aside; and those of them that are shown nowhere. */
function changesOf(
  { link, source }: Subject & { readonly link: Link },
  found: UserAttributes,
  { table, flowNulls }: PlanRules,
): { readonly paths: AttributePath[]; readonly hidden: AttributePath[] } {
  const mapped = mapOrNone(table, source);
  const wanted = pick(
    link.applied,
    table.mappings
      .map(({ target }) => target)
      .filter((path) => path !== 'active' && (mapped === undefined || mapped.attributes[path] !== undefined)),
  );
  const changes = changedAttributes(wanted, found, { flowNulls, rules: mapped?.rules ?? {} });
  return {
    paths: Object.keys(changes) as AttributePath[],
    hidden: [...(link.redacted ?? []), ...(mapped?.redacted ?? [])],
  };
}

/** Undefined where the user cannot be mapped now: then every attribute of the table is compared as it is. */
function mapOrNone(table: PlanRules['table'], source: Subject['source']): MappedUser | undefined {
  try {
    return mapUser(table, source, { isSoftDeleted: false }, 'update');
  } catch (thrown) {
    if (thrown instanceof SyncError) return undefined;
    throw thrown;
  }
}

function pick(attributes: UserAttributes, paths: readonly AttributePath[]): UserAttributes {
  return Object.fromEntries(paths.map((path) => [path, attributes[path] ?? null]));
}
