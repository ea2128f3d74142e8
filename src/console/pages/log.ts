/** The provisioning log. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';

export function logPages(_context: ConsoleContext): Hono<ConsoleEnv> {
  return new Hono<ConsoleEnv>();
}
