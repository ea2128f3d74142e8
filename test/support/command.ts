/** A command in a process of its own, in an empty folder: neither a config/ nor a .env of this checkout takes part. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Settings with which a command opens its state, and reaches nobody. */
export const someTenant = {
  AZURE_TENANT_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b11',
  AZURE_CLIENT_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b12',
  AZURE_CLIENT_SECRET: 'very-secret-indeed',
  ENTRA_APP_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b13',
};

/** Starts it, with these settings and no others. */
export function startCommand(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  cwd: string,
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs it to its end. */
export async function runCommand(args: readonly string[], settings: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'maptician-sync-cli-'));
  const child = startCommand(args, settings, folder);
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  await rm(folder, { recursive: true });
  return { stdout, stderr, status: Number(status) };
}
