/** Microsoft Graph's synchronization and audit log resources. */
import { Hono } from 'hono';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';

export function graphRoutes(_context: ConsoleContext): Hono<ConsoleEnv> {
  return new Hono<ConsoleEnv>();
}
