/** Where one user stands in words, as the command line and the console have them. Pure. */
import { cell, when } from '../words.ts';
import type { UserStanding } from './user-standing.ts';
import type { Why } from './why.ts';

/** The account the user is linked to, or what was found instead. */
export function accountOf({ comparison: { linked, account, problem, matching } }: Why): string {
  if (account === 'unread') {
    return `${linked === null ? 'none yet' : linked}; Maptician could not be asked now (${cell(problem)})`;
  }
  if (linked !== null) return account === 'there' ? linked : `${linked}, which Maptician does not have any more`;
  if (matching.length === 0) return 'none, and none in Maptician matches';
  return `none yet; in Maptician ${matching.length === 1 ? 'one matches' : 'several match'}: ${matching.join(', ')}`;
}

/** What went wrong, with the other side's words. */
export function describeFailure({ code, httpStatus, reason }: NonNullable<UserStanding['failure']>): string {
  return `${httpStatus === null ? code : `${code} (${httpStatus})`}: ${cell(reason)}`;
}

/** How often it was tried, and when it is again. */
export function describeTries({ attempts, firstFailedAt, nextRetryAt }: NonNullable<UserStanding['failure']>): string {
  const again = nextRetryAt === null ? 'not again by itself' : `next at ${when(nextRetryAt)} UTC, or after a change`;
  return `tried ${attempts === 1 ? 'once' : `${attempts} times`} since ${when(firstFailedAt)} UTC, ${again}`;
}

/** How an attribute differs. */
export const differences = {
  'to write': '≠ to be written',
  'changed in Maptician': '≠ changed in Maptician',
  'kept by Maptician': 'kept so by Maptician',
} as const;
