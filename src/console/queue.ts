/** The queue, as bull-board shows it. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from './context.ts';

export async function queuePages(_context: ConsoleContext): Promise<Hono<ConsoleEnv>> {
  return new Hono<ConsoleEnv>();
}
