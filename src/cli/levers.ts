/** An operator's levers on the job and its failures: `pause`, `resume`, `restart` and `retry`. */

import { InvalidArgumentError } from 'commander';
import { restart as restartJob } from '../cycle/restart.ts';
import { pause as pauseJob, resume as resumeJob, retry as retryUsers } from '../levers.ts';
import { effects } from '../reset-effects.ts';
import { defaultScopes, parseScopes, type ResetScope, resetScopes, scopesOf } from '../state/reset-scope.ts';
import { howMany } from '../words.ts';
import { cannotRun, print, withService } from './command.ts';

const now = 'To do it now: maptician-sync sync';

/** No cycle begins any more, and one that runs stops between two users. */
export async function pause(): Promise<number> {
  return withService({}, async ({ database }) => {
    const paused = await pauseJob(database.pool);
    print(`${paused ? 'Paused.' : 'It was paused already.'} Everything is kept. Let it go on: maptician-sync resume`);
    return 0;
  });
}

/** Out of pause and out of quarantine. */
export async function resume(): Promise<number> {
  return withService({}, async ({ database }) => {
    const { pausedAt, quarantine } = await resumeJob(database.pool);
    const was = [...(pausedAt === null ? [] : ['paused']), ...(quarantine === null ? [] : ['in quarantine'])];
    print(
      was.length === 0
        ? 'Nothing to resume: provisioning was going on.'
        : `Provisioning goes on; it was ${was.join(' and ')}.`,
    );
    print(`The next cycle runs on schedule. ${now}`);
    return 0;
  });
}

/** A list of scopes as it is written on the command line. */
export function scopesArgument(text: string): ResetScope[] {
  const scopes = parseScopes(text);
  if (scopes === undefined) throw new InvalidArgumentError(`It must be one or more of ${resetScopes.join(', ')}.`);
  return scopes;
}

/** Has the next cycle reset what the scopes say. */
export async function restart(options: { readonly scope?: readonly ResetScope[] | undefined }): Promise<number> {
  const scopes = scopesOf(options.scope ?? defaultScopes);
  return withService({}, async ({ database, settings }) => {
    const approved = await restartJob(database.pool, scopes, { expiryDays: settings.HELD_EXPIRY_DAYS });
    if (scopes.includes('ForceDeletes')) print(`Approved: ${howMany(approved, 'change')} held until now.`);
    print('With the next cycle:');
    for (const scope of scopes.length === 0 ? (['None'] as const) : scopes) print(`  ${scope}: ${effects[scope]}`);
    print(`${scopes.includes('ConnectorDataStore') ? '' : 'Links are kept. '}${now}`);
    return 0;
  });
}

/** Has one user who failed, or everyone, tried again by the next cycle. */
export async function retry(user: string | undefined, options: { readonly all?: boolean }): Promise<number> {
  if ((user === undefined) === (options.all !== true)) {
    process.stderr.write('Name a user (object id or userName), or everyone who failed: maptician-sync retry --all\n');
    return cannotRun;
  }
  return withService({}, async ({ database }) => {
    const { length: count } = await retryUsers(database.pool, user);
    if (count === 0 && user !== undefined) {
      process.stderr.write(
        'Nobody of this object id or userName has failed or was rejected. See who has: maptician-sync status\n',
      );
      return cannotRun;
    }
    print(count === 0 ? 'Nobody has failed.' : `The next cycle tries ${howMany(count, 'user')} again. ${now}`);
    return 0;
  });
}
