/** What is to be done about one user: the wanted Maptician user against what was last applied. Pure. */
import { type ErrorCode, SyncError } from '../errors.ts';
import { type AttributeTable, matchingAttributes } from '../mapping/attribute-table.ts';
import { activeOf, changedAttributes, type FlowRules, type MappedUser, mapUser } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import type { SourceUser } from '../mapping/source-user.ts';

/** An Entra user as the mirror has it, beside its link. */
export interface Subject {
  readonly id: string;
  readonly presence: 'live' | 'soft_deleted' | 'purged';
  /** Assigned; with SYNC_SCOPE=all, everyone. */
  readonly inScope: boolean;
  /** Does not pass the scoping filters. */
  readonly filteredOut: boolean;
  readonly source: SourceUser;
  readonly link: Link | null;
  /** The removal of this user that an operator rejected; a purge comes after a rejected deactivation. */
  readonly rejectedRemoval: 'deactivate' | 'delete' | null;
  /** Why it was to be; for another reason it is no longer rejected. Null: for any. */
  readonly rejectedReason?: string | null | undefined;
  /** The account has been inactive because of us for so long that it is deleted, unless its user has access again. */
  readonly graceOver: boolean;
}

/** The connection between an Entra object and a Maptician account, with what was last applied. */
export interface Link {
  readonly mapticianId: string;
  readonly applied: UserAttributes;
  readonly active: boolean;
  /** Of what was applied the attributes that are shown nowhere. */
  readonly redacted?: readonly AttributePath[];
}

export interface PlanRules {
  readonly table: AttributeTable;
  /** A cleared attribute is cleared in Maptician; false is Microsoft's never-flow-null. */
  readonly flowNulls: boolean;
  /** What becomes of the account of a user who was purged from Entra. */
  readonly hardDelete: 'delete' | 'deactivate';
  /** The account of whoever has no access is deleted after so many days of inactivity; undefined: never. */
  readonly deleteInactiveAfterDays: number | undefined;
  /** Whoever falls out of scope keeps the account as it is; a deletion or disabling in Entra still ends access. */
  readonly skipOutOfScope: boolean;
}

export type OperationKind = 'create' | 'update' | 'reactivate' | 'yield' | 'deactivate' | 'delete';

export type Decision =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'fail'; readonly code: ErrorCode; readonly reason: string }
  | {
      readonly kind: Exclude<OperationKind, 'yield'>;
      /** The whole user for a create, what changed otherwise. */
      readonly attributes: UserAttributes;
      readonly reason: string;
      /** Of these attributes those that are shown nowhere. */
      readonly redacted?: readonly AttributePath[];
      /** Of a create: what becomes of the attributes where there is an account already. */
      readonly rules?: FlowRules;
    };

type Standing = Pick<Subject, 'presence' | 'inScope' | 'filteredOut' | 'source'>;

/** Why a user is to have no access, or undefined where it is to have it. */
export function reasonInactive(subject: Standing): string | undefined {
  return reasonInEntra(subject) ?? reasonOutOfScope(subject);
}

function reasonInEntra({ presence, source }: Standing): string | undefined {
  if (presence === 'purged') return 'permanently deleted in Entra';
  if (presence === 'soft_deleted') return 'deleted in Entra';
  return source.accountEnabled === false ? 'disabled in Entra' : undefined;
}

function reasonOutOfScope({ inScope, filteredOut }: Standing): string | undefined {
  if (!inScope) return 'no longer assigned to the app';
  return filteredOut ? 'does not pass the scoping filters' : undefined;
}

/** Decides about one user. Deciding again once the decision has been applied gives `nothing`. */
export function decide(subject: Subject, rules: PlanRules): Decision {
  const inactive = reasonInactive(subject);
  if (inactive !== undefined) {
    if (rules.skipOutOfScope && reasonInEntra(subject) === undefined) return leftAsItIs(subject, inactive);
    return decideRemoval(subject, rules, inactive);
  }
  const active = activeOf(rules.table, subject.source, { isSoftDeleted: false });
  if (active === false) return decideRemoval(subject, rules, 'inactive by the attribute table');
  try {
    const purpose = subject.link === null ? 'create' : 'update';
    const mapped = mapUser(rules.table, subject.source, { isSoftDeleted: false }, purpose);
    const unnamed = problemOfName(mapped, rules.table);
    return unnamed ?? decideAccess(subject, rules, mapped);
  } catch (thrown) {
    if (thrown instanceof SyncError) return { kind: 'fail', code: thrown.code, reason: thrown.message };
    throw thrown;
  }
}

/** An account is found by its matching attributes and cannot be without a userName. */
function problemOfName({ attributes }: MappedUser, table: AttributeTable): Decision | undefined {
  if (typeof attributes.userName === 'string') return undefined;
  const matching = matchingAttributes(table);
  if (matching.some((path) => typeof attributes[path] === 'string')) {
    return { kind: 'fail', code: 'MandatoryFieldsMissing', reason: 'the user has no value for userName' };
  }
  const which = matching.length === 1 ? 'the matching attribute' : 'any of the matching attributes';
  return { kind: 'fail', code: 'ImportSkipped', reason: `the user has no value for ${which} ${matching.join(', ')}` };
}

function decideAccess(subject: Subject, { table, flowNulls }: PlanRules, mapped: MappedUser): Decision {
  const { link } = subject;
  const { attributes, rules, redacted } = mapped;
  if (link === null) return { kind: 'create', attributes, reason: 'assigned to the app', redacted, rules };
  const changes = changedAttributes(attributes, link.applied, { flowNulls, rules });
  if (Object.keys(changes).length === 0) return { kind: 'nothing' };
  if (!table.actions.update) return { kind: 'skip', reason: 'not updated: updates are off in the attribute table' };
  const back = !link.active && attributes.active === true;
  return {
    kind: back ? 'reactivate' : 'update',
    attributes: changes,
    reason: back ? 'has access again' : 'attributes changed in Entra',
    redacted: redacted.filter((path) => changes[path] !== undefined),
  };
}

function leftAsItIs(subject: Subject, reason: string): Decision {
  return subject.link === null ? notCreated(subject, reason) : { kind: 'nothing' };
}

/** Of the disabled and the filtered out it is worth saying; the deleted were never anybody's concern. */
function notCreated({ inScope, presence }: Subject, reason: string): Decision {
  return inScope && presence === 'live' ? { kind: 'skip', reason: `not created: ${reason}` } : { kind: 'nothing' };
}

function decideRemoval(subject: Subject, rules: PlanRules, reason: string): Decision {
  const { link } = subject;
  if (link === null) return notCreated(subject, reason);
  const graceOver = subject.graceOver && !link.active;
  const remove = graceOver || (subject.presence === 'purged' && rules.hardDelete === 'delete');
  // Whatever an expression makes of `active` for them: who is to have no access has none.
  if (!remove && !link.active) return { kind: 'nothing' };
  if (!rules.table.actions.delete) {
    return { kind: 'skip', reason: `not removed, since removals are off in the attribute table: ${reason}` };
  }
  const why = graceOver ? `${reason}, and the grace period is over` : reason;
  const { rejectedRemoval, rejectedReason } = subject;
  if (rejectedRemoval === (remove ? 'delete' : 'deactivate') && (rejectedReason ?? why) === why) {
    return { kind: 'skip', reason: `removal rejected by an operator: ${why}` };
  }
  return remove
    ? { kind: 'delete', attributes: {}, reason: why }
    : { kind: 'deactivate', attributes: { active: false }, reason: why };
}
