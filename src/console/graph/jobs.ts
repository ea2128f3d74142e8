/**
 * The synchronization job and its levers
 * (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob#methods). There is one, and the
 * settings make it.
 */

import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { restart } from '../../cycle/restart.ts';
import { pause, resume, runNow } from '../../levers.ts';
import { installationFacts } from '../../log-export/installation-facts.ts';
import { jobIdOf } from '../../log-record/summary.ts';
import { longestInterval } from '../../schedule.ts';
import { readExecutions } from '../../state/executions.ts';
import { defaultScopes, parseScopes, resetScopes, scopesOf } from '../../state/reset-scope.ts';
import { readStandingInShort } from '../../state/standing.ts';
import { countUsers, recallCounts } from '../../state/user-counts.ts';
import { type ApiApp, body, createApi, json, noContent, refusals } from '../api/openapi.ts';
import { actorOf, type ConsoleContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import { type SynchronizationJob, synchronizationJob, toSynchronizationJob } from './job-resource.ts';
import { jobOf, jobPaths, metadataOf, principalOf, principalPaths } from './paths.ts';

const odataContext = { '@odata.context': z.string() };
const tags = ['synchronization'];

const restartBody = z.object({
  criteria: z
    .object({
      resetScope: z
        .string()
        .nullish()
        .openapi({ description: `One or more of ${resetScopes.join(', ')}, with commas between them.` }),
    })
    .nullish(),
});

export function jobRoutes(context: ConsoleContext): ApiApp {
  const { service, pool, origin, counts } = context;
  const { settings, database } = service;
  const app = createApi();
  // The settings do not change while the process runs, and looking thousands of ticks ahead takes a while.
  let interval: Promise<number> | undefined;

  const read = async (id: string): Promise<SynchronizationJob> => {
    interval ??= longestInterval(settings.SYNC_SCHEDULE);
    const { users, escrow } = (await recallCounts(counts)) ?? (await countUsers(pool));
    return toSynchronizationJob({
      id,
      origin,
      standing: await readStandingInShort(pool),
      linked: users.linked,
      failing: escrow.length > 0,
      executions: await readExecutions(pool),
      interval: await interval,
      removalLimit: service.guard.limits.removals.count,
    });
  };

  for (const { path, params, hide } of principalPaths) {
    const list = createRoute({
      method: 'get',
      path: `${path}/synchronization/jobs`,
      hide,
      tags,
      summary: 'List the synchronization jobs: the one there is',
      request: { params: z.object(params) },
      responses: {
        200: json(z.object({ ...odataContext, value: z.array(synchronizationJob) }), 'The jobs.'),
        ...refusals,
      },
    });
    app.openapi(list, async (c) => {
      const { id } = await principalOf(c, context);
      const jobId = jobIdOf(await installationFacts(settings, { pool }));
      const where = `#servicePrincipals('${id}')/synchronization/jobs`;
      return c.json({ '@odata.context': `${metadataOf(c, context)}${where}`, value: [await read(jobId)] }, 200);
    });
  }

  for (const { path, params, hide } of jobPaths) {
    const of = { hide, tags, request: { params: z.object(params) } };
    app.openapi(
      createRoute({
        ...of,
        method: 'get',
        path,
        summary: 'The synchronization job with its status',
        responses: { 200: json(synchronizationJob.extend(odataContext), 'The job.'), ...refusals },
      }),
      async (c) => {
        const { jobId } = await jobOf(c, context);
        const where = '#servicePrincipals/synchronization/jobs/$entity';
        return c.json({ '@odata.context': `${metadataOf(c, context)}${where}`, ...(await read(jobId)) }, 200);
      },
    );

    app.openapi(
      createRoute({
        ...of,
        method: 'post',
        path: `${path}/start`,
        summary: 'End a pause and a quarantine, and run a cycle now, unless one runs or was asked for already',
        responses: { ...noContent, ...refusals },
      }),
      async (c) => {
        await jobOf(c, context);
        const actor = actorOf(c.get('viewer'));
        await resume(database.pool, actor);
        if ((await runNow(database.pool, await service.queue(), actor)) === 'paused') {
          throw new HTTPException(409, { message: 'Somebody has paused provisioning again meanwhile.' });
        }
        return c.body(null, 204);
      },
    );

    app.openapi(
      createRoute({
        ...of,
        method: 'post',
        path: `${path}/pause`,
        summary: 'Pause: no cycle begins, and one that runs stops between two users; everything is kept',
        responses: { ...noContent, ...refusals },
      }),
      async (c) => {
        await jobOf(c, context);
        await pause(database.pool, actorOf(c.get('viewer')));
        return c.body(null, 204);
      },
    );

    app.openapi(
      createRoute({
        ...of,
        method: 'post',
        path: `${path}/restart`,
        summary: 'Have the next cycle reset what the scope says; without one QuarantineState, Watermark and Escrows',
        request: { ...of.request, body: body(restartBody) },
        responses: { ...noContent, ...refusals },
      }),
      async (c) => {
        await jobOf(c, context);
        const { resetScope } = c.req.valid('json').criteria ?? {};
        const asked = resetScope == null || resetScope === '' ? defaultScopes : parseScopes(resetScope);
        if (asked === undefined) throw badRequest(`resetScope is one or more of ${resetScopes.join(', ')}.`);
        const actor = actorOf(c.get('viewer'));
        await restart(database.pool, scopesOf(asked), { expiryDays: settings.HELD_EXPIRY_DAYS, actor });
        return c.body(null, 204);
      },
    );
  }
  return app;
}
