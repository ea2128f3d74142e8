/** Work in a process of its own: a fresh heap, a peak of memory that is its own, and a sandbox whose CPU is not ours. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';

/**
 * Runs a file of bench/processes/ and resolves with its answer. Rejects where the process ended without one; what it
 * wrote on standard error is passed through.
 * @param environment in place of ours, but for PATH and HOME
 */
export async function runChild<T>(
  file: string,
  input: unknown,
  answer: z.ZodType<T>,
  environment: Readonly<Record<string, string>>,
): Promise<T> {
  const child = start(file, input, environment);
  return new Promise((resolve, reject) => {
    let received: T | undefined;
    child.on('error', reject);
    child.on('message', (message) => {
      received = answer.parse(message);
    });
    child.on('exit', (status, signal) => {
      if (status === 0 && received !== undefined) resolve(received);
      else
        reject(new Error(`bench/processes/${file} ended with ${signal ?? `status ${status}`} and without an answer`));
    });
  });
}

export interface RunningChild<T> {
  readonly answer: T;
  stop(): Promise<void>;
}

/** Starts a file of bench/processes/ that keeps running after its answer. */
export async function startChild<T>(file: string, input: unknown, answer: z.ZodType<T>): Promise<RunningChild<T>> {
  const child = start(file, input, {});
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const first = await new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`bench/processes/${file} ended with status ${status}`)));
  });
  return {
    answer: answer.parse(first),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function start(file: string, input: unknown, environment: Readonly<Record<string, string>>) {
  const { PATH = '', HOME = '' } = process.env;
  const path = fileURLToPath(new URL(`./processes/${file}`, import.meta.url));
  return fork(path, [JSON.stringify(input)], { env: { PATH, HOME, ...environment } });
}

/** In the child: what it was asked to do. */
export function readInput<T>(input: z.ZodType<T>): T {
  return input.parse(JSON.parse(process.argv[2] ?? '{}'));
}

/** In the child: sends the answer and lets the process end. */
export async function answer(value: Readonly<Record<string, unknown>>): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    process.send?.(value, (error: Error | null) => (error === null ? resolve() : reject(error))),
  );
}

/** The peak of this process's resident memory so far, in MiB. A parent that is larger would count as ours. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS / 1024;
}
