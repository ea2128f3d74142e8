/** What is to be done about one user: the wanted Maptician user against what was last applied. Pure. */
import type { AttributeTable } from '../mapping/attribute-table.ts';
import { changedAttributes, mapUser, userNameOf } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import type { SourceUser } from '../mapping/source-user.ts';

/** An Entra user as the mirror has it, beside its link. */
export interface Subject {
  readonly id: string;
  readonly presence: 'live' | 'soft_deleted' | 'purged';
  readonly inScope: boolean;
  readonly source: SourceUser;
  readonly link: Link | null;
  /** The removal of this user that an operator rejected; a purge comes after a rejected deactivation. */
  readonly rejectedRemoval: 'deactivate' | 'delete' | null;
}

/** The connection between an Entra object and a Maptician account, with what was last applied. */
export interface Link {
  readonly mapticianId: string;
  readonly applied: UserAttributes;
  readonly active: boolean;
}

export interface PlanRules {
  readonly table: AttributeTable;
  /** A cleared attribute is cleared in Maptician; false is Microsoft's never-flow-null. */
  readonly flowNulls: boolean;
  /** What becomes of the account of a user who was purged from Entra. */
  readonly hardDelete: 'delete' | 'deactivate';
}

export type OperationKind = 'create' | 'update' | 'reactivate' | 'yield' | 'deactivate' | 'delete';

export type Decision =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'fail'; readonly code: 'ImportSkipped'; readonly reason: string }
  | {
      readonly kind: Exclude<OperationKind, 'yield'>;
      /** The whole user for a create, what changed otherwise. */
      readonly attributes: UserAttributes;
      readonly reason: string;
    };

/** Why a user is to have no access, or undefined where it is to have it. */
function reasonInactive(subject: Pick<Subject, 'presence' | 'inScope' | 'source'>): string | undefined {
  if (subject.presence === 'purged') return 'permanently deleted in Entra';
  if (subject.presence === 'soft_deleted') return 'deleted in Entra';
  if (!subject.inScope) return 'no longer assigned to the app';
  if (subject.source.accountEnabled === false) return 'disabled in Entra';
  return undefined;
}

/** Decides about one user. Deciding again once the decision has been applied gives `nothing`. */
export function decide(subject: Subject, rules: PlanRules): Decision {
  const inactive = reasonInactive(subject);
  if (inactive !== undefined) return decideRemoval(subject, rules, inactive);

  if (userNameOf(rules.table, subject.source) === null) {
    return { kind: 'fail', code: 'ImportSkipped', reason: 'the user has no value for the matching attribute userName' };
  }
  const created = mapUser(rules.table, subject.source, { isSoftDeleted: false }, 'create');
  const { link } = subject;
  if (link === null) return { kind: 'create', attributes: created, reason: 'assigned to the app' };

  const wanted = mapUser(rules.table, subject.source, { isSoftDeleted: false }, 'update');
  const changes = withoutKeptDefaults(changedAttributes(wanted, link.applied, rules), created, link.applied);
  if (Object.keys(changes).length === 0) return { kind: 'nothing' };
  return link.active || wanted.active !== true
    ? { kind: 'update', attributes: changes, reason: 'attributes changed in Entra' }
    : { kind: 'reactivate', attributes: changes, reason: 'has access again' };
}

function decideRemoval(subject: Subject, rules: PlanRules, reason: string): Decision {
  const { link } = subject;
  if (link === null) {
    // Of the disabled it is worth saying; the deleted were never anybody's concern.
    return subject.inScope && subject.presence === 'live'
      ? { kind: 'skip', reason: `not created: ${reason}` }
      : { kind: 'nothing' };
  }
  const remove = subject.presence === 'purged' && rules.hardDelete === 'delete';
  // Without a mapping for `active` nobody can be deactivated: an administrator's way to keep accounts as they are.
  const { active } = mapUser(rules.table, subject.source, { isSoftDeleted: true }, 'update');
  if (!remove && (!link.active || active !== false)) return { kind: 'nothing' };
  if (subject.rejectedRemoval === (remove ? 'delete' : 'deactivate')) {
    return { kind: 'skip', reason: `removal rejected by an operator: ${reason}` };
  }
  return remove
    ? { kind: 'delete', attributes: {}, reason }
    : { kind: 'deactivate', attributes: { active: false }, reason };
}

/**
 * A default was written at creation because the source was empty. While it still is, the account keeps it: the default
 * does not apply to updates, but neither does its absence.
 */
function withoutKeptDefaults(
  changes: UserAttributes,
  created: UserAttributes,
  applied: UserAttributes,
): UserAttributes {
  const kept = Object.entries(changes).filter(([key, value]) => {
    const path = key as AttributePath;
    return !(value === null && created[path] !== null && created[path] === applied[path]);
  });
  return Object.fromEntries(kept);
}
