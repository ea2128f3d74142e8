/** What happens next to one user, in one sentence. Pure. */
import { type ErrorCode, errorCodes, recommendedAction } from '../errors.ts';
import { when } from '../words.ts';
import type { Comparison } from './compare-user.ts';
import type { Planned } from './planned-users.ts';
import type { UserStanding } from './user-standing.ts';

/** @param decision what a cycle would decide now; undefined while an operation is under way or the user is unread */
export function whatNext(
  standing: UserStanding,
  decision: Planned['decision'] | undefined,
  comparison: Pick<Comparison, 'account' | 'linked' | 'attributes'>,
): string {
  const { operation } = standing;
  if (operation?.state === 'held') {
    const set = operation.set;
    return `the ${nounOf(operation.kind)} is held until somebody decides: maptician-sync approve ${set}, or reject ${set}`;
  }
  if (operation?.state === 'approved') return `the next cycle carries the ${nounOf(operation.kind)} out, as approved`;
  if (operation !== null)
    return `cycle ${operation.cycleId} is about to ${operation.kind}, or the next one plans it anew`;
  if (standing.needsRead || decision === undefined) return 'the next cycle reads the user from Entra first';
  switch (decision.kind) {
    case 'nothing':
      return nothing(comparison);
    case 'skip':
      return `nothing: ${decision.reason}`;
    case 'wait':
      return `it waits until the account of ${decision.holder.entraId} gives up its ${decision.attribute === 'userName' ? 'userName' : 'work e-mail'}; the next cycle sees to both`;
    case 'refused':
      return `${decision.reason}; at once with: maptician-sync provision`;
    case 'fail':
      return `it fails until that is mended: ${actionOf(decision.code)} It is tried again ${whenAgain(standing)}`;
    default:
      return `${decision.kind}: ${decision.reason}, ${whenAgain(standing)}`;
  }
}

const nouns: Readonly<Record<string, string>> = {
  create: 'creation',
  reactivate: 'reactivation',
  deactivate: 'deactivation',
  delete: 'deletion',
};

function nounOf(kind: string): string {
  return nouns[kind] ?? kind;
}

function nothing({ account, linked, attributes }: Parameters<typeof whatNext>[2]): string {
  const changed = attributes.filter(({ difference }) => difference === 'changed in Maptician').length;
  if (linked !== null && account === 'missing') {
    return 'the account is gone from Maptician: it is made anew when the user changes, or by maptician-sync drift --repair';
  }
  if (changed > 0) {
    const values = changed === 1 ? 'a value was' : `${changed} values were`;
    return `nothing by itself: ${values} changed in Maptician, which maptician-sync drift --repair puts right`;
  }
  return 'nothing: Maptician has what Entra says';
}

function whenAgain({ failure, marked }: UserStanding): string {
  if (failure === null || marked) return 'in the next cycle';
  if (failure.nextRetryAt === null) return 'when it changes, or by hand: maptician-sync provision';
  return `at ${when(failure.nextRetryAt)} UTC, or when it changes; at once with: maptician-sync provision`;
}

function actionOf(code: string): string {
  const known = errorCodes.find((candidate): candidate is ErrorCode => candidate === code);
  return known === undefined ? '' : recommendedAction(known);
}
