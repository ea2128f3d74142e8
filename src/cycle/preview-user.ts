/** What provisioning one user would do: the last steps of the dry run. Writes nothing anywhere. */
import { recommendedAction } from '../errors.ts';
import { matchingAttributes } from '../mapping/attribute-table.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { UserAttributes } from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import { type Match, matchAccounts } from '../maptician/match-accounts.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import { modifiedProperties } from '../state/provisioning-log.ts';
import { type ActOutcome, waitingStep } from './act-on-user.ts';
import type { Planned } from './planned-users.ts';
import { type ActStep, actStep, linkedStep, matchStep, type ProvisioningStep, redundant } from './provision-steps.ts';
import { watchedStore } from './watched-store.ts';

type Outcome = ActOutcome | 'planned';

/** No cycle has this number; where accounts have to be listed, they are for it. */
export const noCycle = -1;

/** @param planned undefined where another cycle has an operation of the user in hand at this moment */
export async function previewUser(
  context: { readonly store: UserStore; readonly rules: PlanRules; readonly onStep: (step: ProvisioningStep) => void },
  planned: Planned | undefined,
): Promise<Outcome> {
  const { onStep } = context;
  if (planned === undefined) {
    onStep(actStep({ status: 'skipped', description: 'a cycle is at work on this user at this moment' }));
    return 'skipped';
  }
  const { decision, subject } = planned;
  if (subject.link !== null) onStep(linkedStep(subject.link.mapticianId));
  switch (decision.kind) {
    case 'nothing':
      onStep(redundant);
      return 'nothing';
    case 'wait':
      onStep(waitingStep(decision));
      return 'waiting';
    case 'skip':
    case 'pass':
    case 'refused':
      onStep(actStep({ status: 'skipped', description: decision.reason }));
      return 'skipped';
    case 'fail':
      onStep(wouldFail(decision.code, decision.reason));
      return 'failed';
    case 'create':
      return previewCreate(context, planned);
    default: {
      const { applied = {}, redacted: hidden = [] } = subject.link ?? {};
      const { attributes, redacted = [] } = decision;
      onStep(would(decision.kind, decision.reason, applied, attributes, [...hidden, ...redacted]));
      return 'planned';
    }
  }
}

async function previewCreate(
  { store, rules, onStep }: Parameters<typeof previewUser>[0],
  { decision, takeover }: Planned,
): Promise<Outcome> {
  if (decision.kind !== 'create') return 'nothing';
  const { attributes, redacted = [], rules: flowRules = {} } = decision;
  const match = await lookFor({ store, rules, onStep }, attributes, redacted);
  const [account, ...others] = match?.users ?? [];
  if (match !== undefined && others.length > 0) {
    onStep(wouldFail('DuplicateTargetEntries', `${match.users.length} Maptician accounts have this ${match.by}`));
    return 'failed';
  }
  if (account !== undefined) {
    const changes = rules.table.actions.update
      ? changedAttributes(attributes, account.attributes, { flowNulls: rules.flowNulls, rules: flowRules })
      : {};
    const reason =
      takeover === undefined
        ? 'an existing account is adopted'
        : `the account of ${takeover.entraId}, who has no access any more, passes to this user`;
    onStep({ ...would('adopt', reason, account.attributes, changes, redacted), mapticianId: account.id });
    return 'planned';
  }
  if (!rules.table.actions.create) {
    onStep(actStep({ status: 'skipped', description: 'not created: creating is off in the attribute table' }));
    return 'skipped';
  }
  onStep(would('create', decision.reason, {}, attributes, redacted));
  return 'planned';
}

async function lookFor(
  { store, rules, onStep }: Parameters<typeof previewUser>[0],
  attributes: UserAttributes,
  redacted: Parameters<typeof watchedStore>[1],
): Promise<Match | undefined> {
  const watched = watchedStore(store, redacted, (tries) => onStep(matchStep(tries)));
  const wanted = { attributes };
  const lookUp = { cycleId: noCycle, fresh: true };
  const matches = await matchAccounts(
    watched.store,
    matchingAttributes(rules.table),
    [wanted],
    () => attributes,
    lookUp,
  );
  watched.ended();
  return matches.get(wanted);
}

function would(
  operation: string,
  reason: string,
  before: UserAttributes,
  changes: UserAttributes,
  hidden: Parameters<typeof redact>[1],
): ActStep {
  const paths = [...hidden];
  return actStep({
    status: 'success',
    description: `would ${operation} ${operation === 'create' || operation === 'adopt' ? 'an' : 'the'} account: ${reason}`,
    operation,
    modified: modifiedProperties(redact(before, paths), redact(changes, paths)),
  });
}

function wouldFail(code: Parameters<typeof recommendedAction>[0], reason: string): ActStep {
  return actStep({ status: 'failure', description: reason, code, recommendedAction: recommendedAction(code) });
}
