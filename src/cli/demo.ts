/**
 * `demo`: the whole service on the sandbox, with a PostgreSQL that is thrown away. Needs nothing, touches nothing of the
 * user's, and leaves nothing behind.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../log.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { openService } from '../service.ts';
import { loadSettings } from '../settings.ts';
import { type EmbeddedDatabase, openEmbedded } from '../state/embedded.ts';
import { openCluster } from '../state/embedded-cluster.ts';
import { findPostmaster } from '../state/embedded-postmaster.ts';
import { cannotRun, print, report } from './command.ts';
import { lookAround, nextSteps } from './demo-next.ts';
import { play } from './demo-play.ts';
import { heading, sentences } from './demo-screen.ts';
import { scimStage, tableStage } from './demo-stage.ts';
import { firstUsers, seedDemoTenant } from './demo-story.ts';

export interface DemoOptions {
  /** Leaves sandbox and database running until Ctrl+C. */
  readonly keep?: boolean;
  /** Users go to Maptician over SCIM, instead of to a table. */
  readonly scim?: boolean;
}

/** Exit status after an interrupt, as shells have it. */
const interrupted = 130;

/** Runs the demo. Its result is the exit status: 0 when everything went as told, 1 when a number did not. */
export async function demo(options: DemoOptions): Promise<number> {
  const stop = onInterrupt();
  forgetEnvironment();
  const home = await mkdtemp(join(tmpdir(), 'maptician-sync-demo-'));
  const opened: Opened = { sandbox: undefined, database: undefined };
  try {
    return await run(options, home, opened, stop);
  } catch (thrown) {
    if (stop.aborted) return interrupted;
    report(thrown, {});
    return cannotRun;
  } finally {
    const closing = [
      async () => opened.database?.close(),
      async () => stopPostgres(home),
      async () => opened.sandbox?.close(),
      async () => rm(home, { recursive: true, force: true, maxRetries: 5 }),
    ];
    for (const close of closing) await close().catch((thrown: unknown) => report(thrown, {}));
  }
}

/** What has to be closed at the end, however it comes. */
interface Opened {
  sandbox: Sandbox | undefined;
  database: EmbeddedDatabase | undefined;
}

async function run(options: DemoOptions, home: string, opened: Opened, signal: AbortSignal): Promise<number> {
  const began = Date.now();
  const emulated = ['an emulated Entra tenant', ...(options.scim ? ['an emulated Maptician'] : [])];
  print(sentences([`Starting ${emulated.join(', ')}, a PostgreSQL and a mailbox on this machine.`]));
  const sandbox = await startSandbox({ tenant: seedDemoTenant() });
  opened.sandbox = sandbox;
  const stage = options.scim ? scimStage(sandbox) : tableStage();
  sandbox.trust();
  signal.throwIfAborted();
  const database = await openEmbedded(home);
  opened.database = database;
  signal.throwIfAborted();
  const people = sandbox.tenant.users.count.toLocaleString('en-US');
  const wanted = firstUsers.toLocaleString('en-US');
  print(
    sentences([
      `Ready after ${secondsSince(began)}: ${wanted} of the tenant's ${people} people are to use Maptician.`,
      ...stage.told.accounts,
    ]),
  );

  const level = process.env.LOG_LEVEL ?? '';
  const environment = {
    ...sandbox.environment(options.scim ? { maptician: 'scim' } : {}),
    ...stage.settings,
    ...{ DATABASE_URL: database.url, MAPTICIAN_SYNC_HOME: home },
  };
  const settings = loadSettings({ env: { ...environment, LOG_LEVEL: level } });
  // Log lines between the sentences only where somebody asked for them.
  const service = await openService({ settings, log: createLog(level === '' ? 'silent' : settings.LOG_LEVEL) });
  let problems: readonly string[];
  try {
    problems = await play({ sandbox, stage, service, signal });
  } finally {
    await service.close();
  }
  if (problems.length === 0) {
    print(`Everything went as told, in ${secondsSince(began)} from start to end.`);
  } else {
    print(heading('Not everything went as told'));
    // As they are: a wrapped table cell would cut long values off.
    print(problems.map((problem) => ` • ${problem}`).join('\n'));
  }
  if (options.keep) {
    print(lookAround(environment, options));
    if (!signal.aborted) await once(signal, 'abort');
  } else if (problems.length === 0) print(nextSteps(options));
  return problems.length === 0 ? 0 : 1;
}

/** Aborts at the first signal, or when nobody reads the output any more; later ones change nothing, for it ends anyway. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) return;
    controller.abort(new Error('interrupted'));
    process.stderr.write('\nCleaning up.\n');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', stop);
  return controller.signal;
}

/**
 * Libraries read the environment on their own: pg its PG* variables, @azure/identity proxies, which cannot reach this
 * machine's loopback. The demo is to run the same for everyone.
 */
function forgetEnvironment(): void {
  for (const name of Object.keys(process.env)) {
    if (/^(PG[A-Z]+|AZURE_\w+|(https?|all|no)_proxy)$/i.test(name)) delete process.env[name];
  }
}

/**
 * Whoever else uses the database (a command in another terminal) does not keep it. Again where pg_ctl was interrupted: a
 * Ctrl+C reaches it too.
 */
async function stopPostgres(home: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if ((await findPostmaster(join(home, 'postgres', 'data'))) === undefined) return;
    const cluster = await openCluster(home);
    await cluster.stop().catch(() => undefined);
  }
}

function secondsSince(began: number): string {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`;
}
