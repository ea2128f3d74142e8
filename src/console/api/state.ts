/** Where things stand: the status, drift, the settings, and who did what. */
import { createRoute, z } from '@hono/zod-openapi';
import { readStatus, statusJson } from '../../read-status.ts';
import { effectiveSettings } from '../../settings.ts';
import { readAudit } from '../../state/audit.ts';
import { readLastDrift } from '../../state/drift.ts';
import { standingStates } from '../../state/standing.ts';
import { recallCounts } from '../../state/user-counts.ts';
import type { ConsoleContext } from '../context.ts';
import { type ApiApp, createApi, json, moment, orNull, refusals, toJson } from './openapi.ts';
import { before, cycle, driftCheck, heldSet, limit, progress } from './resources.ts';

const count = z.number();

const status = z
  .object({
    state: z.enum(standingStates),
    job: z.object({
      pausedAt: moment.nullable(),
      quarantine: z
        .object({
          reason: z.string(),
          code: z.string().nullable(),
          message: z.string(),
          since: moment,
          count,
          nextAttempt: moment.nullable(),
          disabledAt: moment.nullable(),
        })
        .nullable(),
      escrowsPruned: z.boolean(),
      restartScope: z.array(z.string()),
    }),
    lastCycle: cycle.optional(),
    progress: progress.optional(),
    lastFinished: moment.nullable(),
    toDate: z.record(z.string(), count),
    users: z.object({ mirrored: count, inScope: count, linked: count, active: count }),
    failed: count,
    openOperations: count,
    rejected: count,
    held: z.array(heldSet),
    nextRun: moment.nullable(),
    credential: z
      .object({
        kind: z.enum(['secret', 'certificate']),
        keyId: z.string(),
        name: z.string().optional(),
        expiresAt: moment,
      })
      .nullable(),
    drift: orNull(driftCheck),
    logExport: z
      .object({
        deliveredAt: moment.nullable(),
        failure: z.object({ since: moment, code: z.string(), message: z.string() }).nullable(),
      })
      .nullable(),
  })
  .openapi('status');

const auditPage = z.object({
  entries: z.array(
    z.object({
      id: z.number(),
      at: moment,
      actor: z.string(),
      action: z.string(),
      subject: z.string().nullable(),
      detail: z.record(z.string(), z.unknown()),
    }),
  ),
  next: z.number().nullable().openapi({ description: 'The `before` of the next page.' }),
});

const lastDrift = z.object({ lastCheck: orNull(driftCheck) });

export function stateRoutes({ service, pool, counts }: ConsoleContext): ApiApp {
  const app = createApi();

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/status',
      tags: ['state'],
      summary: 'Where things stand, as "maptician-sync status" tells it',
      responses: { 200: json(status, 'The status.'), ...refusals },
    }),
    async (c) =>
      c.json(
        toJson(
          status,
          statusJson(await readStatus({ settings: service.settings, database: { pool } }, await recallCounts(counts))),
        ),
        200,
      ),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/drift',
      tags: ['state'],
      summary: 'What the last check found that somebody else changed in Maptician',
      responses: { 200: json(lastDrift, 'The check; null where none has ended yet.'), ...refusals },
    }),
    async (c) => c.json(toJson(lastDrift, { lastCheck: (await readLastDrift(pool)) ?? null }), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/settings',
      tags: ['state'],
      summary: 'The effective settings, as an operator would write them, secrets masked',
      responses: { 200: json(z.object({ settings: z.record(z.string(), z.string()) }), 'By name.'), ...refusals },
    }),
    async (c) => c.json({ settings: Object.fromEntries(effectiveSettings(service.settings)) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/audit',
      tags: ['state'],
      summary: 'Who pulled which lever, newest first',
      request: { query: z.object({ before, limit }) },
      responses: { 200: json(auditPage, 'A page.'), ...refusals },
    }),
    async (c) => {
      const { entries, next = null } = await readAudit(pool, c.req.valid('query'));
      return c.json(toJson(auditPage, { entries, next }), 200);
    },
  );
  return app;
}
