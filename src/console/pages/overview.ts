/** Where things stand. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';

export function overviewPages(_context: ConsoleContext): Hono<ConsoleEnv> {
  return new Hono<ConsoleEnv>();
}
