/** The console as one Hono application: who may look, then pages, API, health and queue. */
import { Hono } from 'hono';
import { remember } from '../remember.ts';
import { countRunning } from '../running.ts';
import { areFew, countUsers } from '../state/user-counts.ts';
import { access } from './access/access.ts';
import { openAuthentication } from './access/authentication.ts';
import { checkAddress, checkBody, limitBody } from './access/request-body.ts';
import { securityHeaders } from './access/security-headers.ts';
import { signInPages } from './access/sign-in.ts';
import { apiRoutes } from './api/api.ts';
import { assets } from './assets.ts';
import type { ConsoleContext, ConsoleEnv } from './context.ts';
import { failed, notFound } from './errors.ts';
import { healthRoutes } from './health.ts';
import { auditPages } from './pages/audit.ts';
import { cyclePages } from './pages/cycle.ts';
import { failuresPages } from './pages/failures.ts';
import { heldPages } from './pages/held.ts';
import { logPages } from './pages/log.ts';
import { mappingPages } from './pages/mapping.ts';
import { overviewPages } from './pages/overview.ts';
import { queuePages } from './pages/queue.ts';
import { settingsPages } from './pages/settings.ts';
import { usersPages } from './pages/users.ts';
import { openProvisionTurns } from './provision-by-hand.ts';
import { queueBoard } from './queue-board.ts';

/** @param running where what outlasts its request is counted */
export async function createApp(
  given: Omit<ConsoleContext, 'turns' | 'running' | 'counts'>,
  running = countRunning(),
): Promise<Hono<ConsoleEnv>> {
  const counts = remember(() => countUsers(given.pool), { isCheap: areFew });
  const context: ConsoleContext = { ...given, running, turns: openProvisionTurns(), counts };
  const app = new Hono<ConsoleEnv>();
  app.onError((thrown, c) => failed(c, thrown, context.service.log));
  app.notFound(notFound);
  const authentication = openAuthentication(context);
  app.use(securityHeaders(context.origin), checkAddress, access(authentication), limitBody, checkBody);
  const parts = [
    assets(),
    healthRoutes(context),
    signInPages(authentication, context.service.log),
    overviewPages(context),
    cyclePages(context),
    usersPages(context),
    logPages(context),
    heldPages(context),
    auditPages(context),
    failuresPages(context),
    mappingPages(context),
    settingsPages(context),
    queuePages(context),
    queueBoard(context),
    apiRoutes(context),
  ];
  for (const part of parts) app.route('/', part);
  return app;
}
