/** What is shown and kept of a foreseen operation: action, reason, changes, and a fingerprint of what is written. */
import { createHmac } from 'node:crypto';
import { changesEachTime } from '../mapping/attribute-mapping.ts';
import { matchingAttributes } from '../mapping/attribute-table.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import type { Match } from '../maptician/match-accounts.ts';
import type { PlanRules } from '../plan/decide.ts';
import { type Payload, payloadHash } from '../plan/payload.ts';
import { type ModifiedProperty, modifiedProperties } from '../state/provisioning-log.ts';
import type { Foreseen } from './foresee.ts';
import { accountOf } from './planned-users.ts';

/** The actions that change something in Maptician; `adopt` is a create that finds an account. */
export const changingActions = ['create', 'adopt', 'update', 'reactivate', 'yield', 'deactivate', 'delete'] as const;
export type ChangingAction = (typeof changingActions)[number];

export interface PlannedOperation {
  /** The Entra object id. */
  readonly id: string;
  readonly action: ChangingAction | 'skip' | 'fail' | 'refused';
  readonly userName: string | null;
  readonly reason: string;
  /** The Entra user whose account has to give up the userName before, with the name it gets. */
  readonly after: { readonly id: string; readonly userName: string | null } | undefined;
  /** The class of a failure. */
  readonly code: string | undefined;
  /** Waits for approval since an earlier cycle. */
  readonly held: boolean;
  /** Old → new, what is shown nowhere masked. */
  readonly changes: readonly ModifiedProperty[];
}

/** Changes as a plan prints and keeps them. */
export function changesJson(changes: readonly ModifiedProperty[]) {
  return changes.map(({ displayName, oldValue, newValue }) => ({
    attribute: displayName,
    old: oldValue,
    new: newValue,
  }));
}

/** Stands for a value that is another one each time it is worked out. */
const eachTime = '(another each time)';

export function describeForeseen(foreseen: Foreseen, rules: PlanRules): PlannedOperation {
  const { subject, userName, linkedName, decision, operationState, after } = foreseen;
  const action = actionOf(foreseen, rules);
  const code = 'code' in decision ? decision.code : undefined;
  return {
    id: subject.id,
    action,
    userName: userName ?? linkedName,
    reason: reasonOf(foreseen, rules),
    after: isChanging(action) && after !== undefined ? { id: after.entraId, userName: after.wantedName } : undefined,
    code: ambiguous(foreseen.existing) === undefined ? code : 'DuplicateTargetEntries',
    held: operationState === 'held' && isChanging(action),
    changes: isChanging(action) ? changesOf(foreseen, rules) : [],
  };
}

export function isChanging(action: PlannedOperation['action']): action is ChangingAction {
  return changingActions.some((one) => one === action);
}

function actionOf({ decision, existing }: Foreseen, rules: PlanRules): PlannedOperation['action'] {
  if (ambiguous(existing) !== undefined) return 'fail';
  if (existing !== undefined) return 'adopt';
  if (decision.kind === 'nothing') return 'skip';
  return decision.kind === 'create' && !rules.table.actions.create ? 'skip' : decision.kind;
}

/** Several accounts match, and which one is right is not guessed. */
function ambiguous(existing: Match | undefined): Match | undefined {
  return existing !== undefined && existing.users.length > 1 ? existing : undefined;
}

function reasonOf({ decision, takeover, existing }: Foreseen, { table }: PlanRules): string {
  const several = ambiguous(existing);
  if (several !== undefined) return `${several.users.length} Maptician accounts have this ${several.by}`;
  if (takeover !== undefined && existing !== undefined) {
    return `the account of ${takeover.entraId}, who has no access any more, passes to this user`;
  }
  if (existing !== undefined && !matchingAttributes(table).includes(existing.by)) {
    return 'an existing account with this e-mail is adopted if Maptician refuses a second one';
  }
  if (existing !== undefined) return 'an existing account is adopted';
  if (decision.kind === 'create' && !table.actions.create) {
    return 'not created: creating is off in the attribute table';
  }
  return 'reason' in decision ? decision.reason : '';
}

/** What is written, and what stands there now. */
function writtenOf({ subject, decision, existing }: Foreseen, rules: PlanRules) {
  if (!('attributes' in decision)) return { before: {}, written: {} };
  const { attributes } = decision;
  const [account] = existing?.users ?? [];
  if (account === undefined) return { before: subject.link?.applied ?? {}, written: attributes };
  const flowRules = 'rules' in decision ? decision.rules : undefined;
  const options = { flowNulls: rules.flowNulls, ...(flowRules === undefined ? {} : { rules: flowRules }) };
  const written = rules.table.actions.update ? changedAttributes(attributes, account.attributes, options) : {};
  return { before: account.attributes, written };
}

function changesOf(foreseen: Foreseen, rules: PlanRules): ModifiedProperty[] {
  const { before, written } = writtenOf(foreseen, rules);
  const { decision, subject } = foreseen;
  const redacted = 'redacted' in decision ? (decision.redacted ?? []) : [];
  const hidden = [...redacted, ...(subject.link?.redacted ?? [])];
  return modifiedProperties(redact(before, hidden), redact(steady(written, rules), redacted));
}

/** Without values that would be others at the next look. */
function steady(attributes: UserAttributes, { table }: PlanRules): UserAttributes {
  const unsteady = table.mappings.filter(changesEachTime).map(({ target }) => target);
  if (unsteady.length === 0) return attributes;
  const shown = Object.entries(attributes).map(([path, value]) => [
    path,
    unsteady.includes(path as AttributePath) && value !== null ? eachTime : value,
  ]);
  return Object.fromEntries(shown);
}

export interface Fingerprints {
  /** Of what is written to which account, as Maptician has it now. */
  readonly hash: string;
  /** Of the operation as it will stand in the outbox, which does not know yet of accounts that are there already. */
  readonly payload: string;
}

/** @param key keeps values from being guessed by whoever has the fingerprints alone */
export function fingerprintsOf(foreseen: Foreseen, rules: PlanRules, key: string): Fingerprints {
  const { decision, existing } = foreseen;
  const attributes = 'attributes' in decision ? decision.attributes : {};
  const kind = 'attributes' in decision ? decision.kind : 'create';
  const payload = payloadFingerprint({ kind, account: accountOf(foreseen), attributes }, rules, key);
  const [account] = existing?.users ?? [];
  if (account === undefined) return { hash: payload, payload };
  const { written } = writtenOf(foreseen, rules);
  return {
    hash: payloadFingerprint({ kind: 'create', account: account.id, attributes: written }, rules, key),
    payload,
  };
}

export function payloadFingerprint(payload: Payload, rules: PlanRules, key: string): string {
  const plain = payloadHash({ ...payload, attributes: steady(payload.attributes, rules) });
  return createHmac('sha256', key).update(plain).digest('hex').slice(0, 32);
}
