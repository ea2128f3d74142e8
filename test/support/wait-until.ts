import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a condition holds, asking every few milliseconds.
 *
 * @param condition true (or a promise of it) once it holds; what it throws ends the wait
 * @param options.timeout milliseconds, 10,000 by default
 * @param options.message what was waited for, for the error
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { timeout?: number; message?: string } = {},
): Promise<void> {
  const { timeout = 10_000, message = 'a condition' } = options;
  const deadline = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeout} ms in vain for ${message}.`);
    await delay(10);
  }
}
