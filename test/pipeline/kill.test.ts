/**
 * `kill -9` of a whole `sync` with its embedded Postgres, at random moments of an initial cycle of 2,000 users.
 * `npm run test:deep` kills 20 times; a failure prints the seed of its moments: KILL_SEED=…
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/sandbox/random.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { openEmbedded } from '../../src/state/embedded.ts';
import { openTestPool } from '../support/pool.ts';
import { waitUntil } from '../support/wait-until.ts';
import { createOracle } from './oracle.ts';
import type { StoredRow } from './world.ts';

const kills = process.env.DEEP === 'true' ? 20 : 2;
const seed = Number(process.env.KILL_SEED ?? Date.now() % 2 ** 31);
const random = createRandom(seed);
/** The next command must have made up for it by then. */
const withinMilliseconds = 60_000;

let folder: string;
let sandbox: Sandbox;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maptician-sync-kill-'));
  await chmod(folder, 0o755);
  sandbox = await startSandbox({ users: 2400, assigned: 2000, behaviour: { resourceUnitLimit: null } });
  const prepared = await openEmbedded(join(folder, 'prepared'));
  await prepared.close();
});
afterAll(async () => {
  await sandbox.close();
  // A home is there still where its test failed; the last one out stops its server.
  for (const home of await readdir(folder)) await (await openEmbedded(join(folder, home))).close();
  await rm(folder, { recursive: true, force: true });
});

/** `sync` in a process group of its own. */
function startSync(home: string): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  return spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'sync', '--json'], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...sandbox.environment(), MAPTICIAN_SYNC_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Kills a `sync` at some moment between its first request and its end; false where it was faster. */
async function killOnce(home: string): Promise<boolean> {
  const asked = sandbox.requests.entries.length + 1 + random.integer(25);
  const pause = random.integer(3) === 0 ? random.integer(1500) : random.integer(200);
  const child = startSync(home);
  const closed = once(child, 'close');
  child.stdout.resume();
  child.stderr.resume();
  await waitUntil(() => child.exitCode !== null || sandbox.requests.entries.length >= asked, { timeout: 30_000 });
  await delay(pause);
  if (child.exitCode === null) process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
  const [, signal] = await closed;
  return signal === 'SIGKILL';
}

async function storedRows(home: string): Promise<StoredRow[]> {
  const embedded = await openEmbedded(home);
  const pool = openTestPool(embedded.url);
  try {
    return (await pool.query<StoredRow>('select * from maptician.users')).rows;
  } finally {
    await pool.end();
    await embedded.close();
  }
}

describe('a sync that is killed in the middle', () => {
  it.each(Array.from({ length: kills }, (_, index) => index + 1))(
    'is made up for by the next one: nobody twice, nobody lost (kill %i)',
    async (number) => {
      const home = join(folder, `home${number}`);
      const startFresh = async () => {
        await rm(home, { recursive: true, force: true });
        await promisify(execFile)('cp', ['-a', join(folder, 'prepared'), home]);
      };
      await startFresh();
      while (!(await killOnce(home))) await startFresh();
      // Now and then the one that makes up for it is killed, too.
      if (random.chance(0.3)) await killOnce(home);

      const started = Date.now();
      const child = startSync(home);
      const [stdout, stderr, [status]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ]);
      expect(status, `seed ${seed}: ${stderr}`).toBe(0);
      expect(Date.now() - started, `seed ${seed}`).toBeLessThan(withinMilliseconds);
      expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ failed: 0, held: 0 });
      const problems = createOracle(sandbox.tenant).check(await storedRows(home), { oneLook: true });
      expect(problems, `seed ${seed}`).toEqual([]);
      await rm(home, { recursive: true });
    },
    2 * withinMilliseconds,
  );
});
