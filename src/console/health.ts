/** Health and metrics, for whatever watches the service. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from './context.ts';

export function healthRoutes(_context: ConsoleContext): Hono<ConsoleEnv> {
  return new Hono<ConsoleEnv>();
}
