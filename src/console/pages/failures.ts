/** Failures by their cause. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';

export function failuresPages(_context: ConsoleContext): Hono<ConsoleEnv> {
  return new Hono<ConsoleEnv>();
}
