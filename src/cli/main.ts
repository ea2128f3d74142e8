#!/usr/bin/env node
/** The command line. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { accountKinds } from '../cycle/drift-accounts.ts';
import { readMoment } from '../moment.ts';
import { packageVersion } from '../package-root.ts';
import { describeSettings } from '../settings.ts';
import { logActions, logStatuses } from '../state/provisioning-log.ts';
import { defaultScopes, type ResetScope, resetScopes } from '../state/reset-scope.ts';
import { type AnswerOptions, approve, reject } from './approve.ts';
import { cannotRun, print, readSettings, report } from './command.ts';
import { type DemoOptions, demo } from './demo.ts';
import { type DriftCommandOptions, drift } from './drift.ts';
import { pause, restart, resume, retry, scopesArgument } from './levers.ts';
import { type LogOptions, log } from './log.ts';
import { addMappingCommand } from './mapping.ts';
import { type PlanOptions, plan } from './plan.ts';
import { type ProvisionCommandOptions, provision } from './provision.ts';
import { runSandbox } from './sandbox.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { sync } from './sync.ts';
import { testConnection } from './test-connection.ts';
import { why } from './why.ts';

function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
  };
}

function moment(text: string): Date {
  const found = readMoment(text, Date.now());
  if (found !== undefined) return found;
  throw new InvalidArgumentError('Write a time such as 2026-11-24T08:00, in UTC, or how long ago: 30m, 2h, 7d, 4w.');
}

/** Runs a command; its result is the exit status. */
function exits(run: Promise<number>): Promise<void> {
  return run.then((exitStatus) => {
    process.exitCode = exitStatus;
  });
}

const json = () => new Option('--json', 'print one JSON object as the last line of standard output');
const program = new Command('maptician-sync')
  .description("Keeps Maptician's users equal to the Microsoft Entra users assigned to it.")
  .version(packageVersion())
  .showSuggestionAfterError()
  .allowExcessArguments(false)
  // Commander's own status for a wrong flag is 1, which is taken.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : cannotRun))
  .addHelpText(
    'after',
    `
Settings come from the environment, and from config/sync.yaml where the environment has none; .env.example names them
all. Try it without any: maptician-sync demo. Connect a tenant: maptician-sync test-connection, then plan, then sync,
then start.

Exit status: 0 converged, 1 finished with failures, 2 bad settings or no connection, 3 quarantined, paused,
or removals held, 4 plan found something to change.`,
  );

program
  .command('start')
  .description('run as a service: a cycle every 40 minutes (SYNC_SCHEDULE), and the queue workers')
  .option('--no-schedule', 'workers only; another replica runs the cycles')
  .action((options: { schedule: boolean }) => exits(start(options)));

program
  .command('sync')
  .description('run one cycle now and wait for it')
  .option('--plan <file>', 'carry out exactly this saved plan, or nothing where it is not what would be done now')
  .addOption(json())
  .action((options: { json?: boolean; plan?: string }) => exits(sync({ ...options, resync: false })));

program
  .command('resync')
  .description('forget the cursors and read everything anew; links are kept')
  .addOption(json())
  .action((options: { json?: boolean }) => exits(sync({ ...options, resync: true })));

program
  .command('plan')
  .description('show what sync would do; changes nothing in Maptician')
  .option('--save <file>', 'keep the plan, for sync --plan; the file holds personal data')
  .addOption(json())
  .addHelpText(
    'after',
    '\nExit status: 0 nothing would change in Maptician, 4 something would, 2 the plan could not be made.',
  )
  .action((options: PlanOptions) => exits(plan(options)));

program
  .command('drift')
  .description('compare Maptician with what was last applied: what did somebody else change there?')
  .option('--repair', 'make it good: correct the links, and run a cycle; local accounts stay as they are')
  .addOption(
    new Option('--accounts <kind>', 'list the accounts of users with access, of users without, or of nobody, instead')
      .choices(accountKinds)
      .conflicts('repair'),
  )
  .addOption(json())
  .action((options: DriftCommandOptions) => exits(drift(options)));

program
  .command('provision')
  .description('provision single users now, step by step: read, in scope, matched, done')
  .argument('<users...>', 'object ids or userPrincipalNames')
  .option('--dry-run', 'only look: write nothing')
  .addOption(json())
  .action((users: string[], options: ProvisionCommandOptions) => exits(provision(users, options)));

program
  .command('why')
  .description('one user: in scope through what, what was done, what failed, what comes next; wanted beside applied')
  .argument('<user>', 'an object id, a userPrincipalName, a userName or a Maptician id')
  .addOption(json())
  .action((user: string, options: { json?: boolean }) => exits(why(user, options)));

program
  .command('status')
  .description('where things stand, and what to do')
  .addOption(json())
  .action((options: { json?: boolean }) => exits(status(options)));

program
  .command('log')
  .description('the provisioning log, newest first')
  .option('--user <user>', 'an object id, a userName or a Maptician id')
  .option('--since <time>', 'from then on: a time, or how long ago, such as 2h or 7d', moment)
  .option('--until <time>', 'before then, likewise', moment)
  .addOption(new Option('--action <action>', 'what was done').choices(logActions))
  .addOption(new Option('--status <status>', 'how it ended').choices(logStatuses))
  .option('--code <code>', 'one class of failure, such as Conflict')
  .option('--cycle <id>', 'one cycle', whole(1, Number.MAX_SAFE_INTEGER))
  .option(
    '--limit <count>',
    'so many lines or entries at most: 50 by default, all of them with --ndjson and --csv',
    whole(1, Number.MAX_SAFE_INTEGER),
  )
  .option('--all', 'every failure, and not one line for several in a row that say the same')
  .addOption(json().conflicts(['ndjson', 'csv', 'follow']))
  .addOption(new Option('--ndjson', 'print one JSON object a line').conflicts('csv'))
  .addOption(
    new Option('--follow', 'print entries as they come, with --ndjson, until interrupted')
      .implies({ ndjson: true })
      .conflicts(['csv', 'limit', 'until']),
  )
  .option('--csv <folder>', 'write the three CSV files that the Entra admin center has')
  .action((options: LogOptions) => exits(log(options)));

const heldSet = new Argument('<set>', 'the number of the set, as status and the mail name it').argParser(
  whole(1, Number.MAX_SAFE_INTEGER),
);
const someUsers = () => new Option('--user <user...>', 'only these of the set, by object id or userName');

program
  .command('approve')
  .description('let held removals, and what else is held, be carried out by the next cycle')
  .addArgument(heldSet)
  .addOption(someUsers())
  .action((set: number, options: AnswerOptions) => exits(approve(set, options)));

program
  .command('reject')
  .description('leave the accounts of held removals as they are, and what else is held undone')
  .addArgument(heldSet)
  .addOption(someUsers())
  .action((set: number, options: AnswerOptions) => exits(reject(set, options)));

program
  .command('retry')
  .description('try users again who failed, or whose change an operator rejected, with the next cycle')
  .argument('[user]', 'an object id or a userName')
  .option('--all', 'everyone who failed')
  .action((user: string | undefined, options: { all?: boolean }) => exits(retry(user, options)));

program
  .command('pause')
  .description('stop provisioning; a running cycle stops between two users')
  .action(() => exits(pause()));

program
  .command('resume')
  .description('let provisioning go on, out of pause and out of quarantine')
  .action(() => exits(resume()));

program
  .command('restart')
  .description('have the next cycle begin anew')
  .option(
    '--scope <scopes>',
    `what is reset, ',' between several: ${resetScopes.join(', ')}; without it ${defaultScopes.join(', ')}`,
    scopesArgument,
  )
  .action((options: { scope?: ResetScope[] }) => exits(restart(options)));

program
  .command('test-connection')
  .description('check Entra and its permissions, the user store, the queue and mail, each by name, with the mend')
  .addOption(json())
  .action((options: { json?: boolean }) => exits(testConnection(options)));

program
  .command('settings')
  .description('print the effective settings, secrets masked')
  .action(() => print(describeSettings(readSettings())));

addMappingCommand(program, exits);

program
  .command('sandbox')
  .description('run an emulated Entra tenant, token authority and mailbox until interrupted')
  .option('--users <count>', 'users in the tenant', whole(1, 1_000_000), 1000)
  .option('--assigned <count>', 'users assigned to the Maptician app', whole(0, 1_000_000), 250)
  .option('--seed <number>', 'the same seed gives the same tenant', whole(0, 2 ** 31), 1)
  .option('--port <port>', 'where Graph listens; any free port by default', whole(1, 65_535))
  .option('--http', 'Graph over plain http on loopback; the token authority keeps its https')
  .option('--scim', 'settings for the emulated Maptician tenant too: the user store is Maptician, over SCIM')
  .action(runSandbox);

program
  .command('demo')
  .description(
    'the whole thing on an emulated tenant: an initial cycle, changes, an incremental cycle, a failure, its mail',
  )
  .option('--scim', 'users go to an emulated Maptician over SCIM, instead of to a PostgreSQL table')
  .option('--keep', 'leave the emulated tenant running at the end')
  .action((options: DemoOptions) => exits(demo(options)));

// A reader that has gone away (`| head`) is no reason to leave anything open.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (thrown) {
  report(thrown, {});
  process.exitCode = cannotRun;
}
// A connection that does not close (a server that stopped answering) must not keep a finished command from ending.
setTimeout(() => process.exit(), 3_000).unref();
