/** Cycles: those that were, the one that runs, and one now. */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { askedSentences, runNow } from '../../levers.ts';
import { readCycle, readCycles } from '../../state/cycles.ts';
import { readStandingInShort } from '../../state/standing.ts';
import { actorOf, type ConsoleContext } from '../context.ts';
import { type ApiApp, createApi, json, orNull, refusals, toJson } from './openapi.ts';
import { before, cycle, limit, progress } from './resources.ts';

const tags = ['cycles'];

const cyclePage = z.object({
  cycles: z.array(cycle),
  next: z.number().nullable().openapi({ description: 'The `before` of the next page.' }),
});

const asked = z.object({
  outcome: z
    .enum(['asked', 'running', 'waiting'])
    .openapi({ description: '`waiting`: asked for before, and about to begin.' }),
  message: z.string(),
});

const running = z.object({ cycle: orNull(cycle), progress: orNull(progress) });

export function cycleRoutes({ service, pool }: ConsoleContext): ApiApp {
  const app = createApi();

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/cycles',
      tags,
      summary: 'Cycles, newest first; what was provisioned on demand is none',
      request: { query: z.object({ before, limit }) },
      responses: { 200: json(cyclePage, 'A page.'), ...refusals },
    }),
    async (c) => {
      const asked = c.req.valid('query');
      const found = await readCycles(pool, asked.limit + 1, asked.before);
      const cycles = found.slice(0, asked.limit);
      const next = found.length > asked.limit ? (cycles.at(-1)?.id ?? null) : null;
      return c.json(toJson(cyclePage, { cycles, next }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/cycles/{id}',
      tags,
      summary: 'One cycle, or what was provisioned on demand under this number',
      request: { params: z.object({ id: z.coerce.number().int().positive() }) },
      responses: { 200: json(cycle, 'The cycle.'), ...refusals },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const found = await readCycle(pool, id);
      if (found === undefined) throw new HTTPException(404, { message: `There is no cycle ${id}.` });
      return c.json(toJson(cycle, found), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/progress',
      tags,
      summary: 'The cycle that runs, and how far it is; both null where none does',
      responses: { 200: json(running, 'The progress; it is written once a second.'), ...refusals },
    }),
    async (c) => {
      const { progress: seen = null, lastCycle = null } = await readStandingInShort(pool);
      return c.json(toJson(running, { cycle: seen === null ? null : lastCycle, progress: seen }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sync',
      tags,
      summary: 'Run a cycle now',
      responses: {
        202: json(asked, 'Asked for; a service with a schedule begins it within seconds.'),
        200: json(asked, 'Nothing was asked for: one runs already, or was asked for and is about to begin.'),
        ...refusals,
      },
    }),
    async (c) => {
      const outcome = await runNow(service.database.pool, await service.queue(), actorOf(c.get('viewer')));
      if (outcome === 'paused') {
        throw new HTTPException(409, {
          message: 'Provisioning is paused, so no cycle was asked for. Let it go on first: start, at the job.',
        });
      }
      return c.json({ outcome, message: askedSentences[outcome] }, outcome === 'asked' ? 202 : 200);
    },
  );
  return app;
}
