/** The effective settings. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';

export function settingsPages(_context: ConsoleContext): Hono<ConsoleEnv> {
  return new Hono<ConsoleEnv>();
}
