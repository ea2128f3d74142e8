/** `provisionOnDemand`: one user at once (https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand). */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { ProvisionedUser } from '../../cycle/provision.ts';
import {
  type InstallationFacts,
  type ProvisioningObjectSummary,
  toProvisioningObjectSummary,
} from '../../log-record/summary.ts';
import { ruleId } from '../../mapping/schema-json/export-schema.ts';
import { readLogPage } from '../../state/log-page.ts';
import { type ApiApp, body, createApi, endOf, json, refusals } from '../api/openapi.ts';
import type { ConsoleContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import { provisionByHand } from '../provision-by-hand.ts';
import { toStringPair } from './on-demand-result.ts';
import { jobOf, jobPaths, metadataOf } from './paths.ts';

const subject = z.object({
  objectId: z.string().trim().min(1).max(400).openapi({ description: 'The object id in Entra, or userPrincipalName.' }),
  objectTypeName: z.string().regex(/^user$/i, 'Users alone are provisioned: User.'),
});

const request = z.object({
  parameters: z
    .array(
      z.object({
        ruleId: z.string().openapi({ description: 'Of the one synchronizationRule in the schema of the job.' }),
        subjects: z.array(subject).length(1, 'The answer is about one user: name one.'),
      }),
    )
    .length(1, 'The answer is about one user: name one.'),
});

const stringPair = z
  .object({
    key: z.string().openapi({ description: 'JSON: result and details.' }),
    value: z.string().openapi({ description: 'JSON: action, changeId, modifiedProperties, provisioningSteps, …' }),
  })
  .openapi('stringKeyStringValuePair');

export function provisionOnDemandRoutes(context: ConsoleContext): ApiApp {
  const app = createApi();
  for (const { path, params, hide } of jobPaths) {
    const route = createRoute({
      method: 'post',
      path: `${path}/provisionOnDemand`,
      hide,
      tags: ['synchronization'],
      summary: 'Provision one user at once; it may take a minute, and ends when the client goes away',
      request: { params: z.object(params), body: body(request) },
      responses: {
        200: json(stringPair.extend({ '@odata.context': z.string() }), 'What was done, or why not.'),
        ...refusals,
      },
    });
    app.openapi(route, async (c) => {
      const { facts } = await jobOf(c, context);
      const [asked] = c.req.valid('json').parameters;
      if (asked?.ruleId !== ruleId) throw badRequest(`ruleId: the rule of this job is ${ruleId}.`);
      const user = asked.subjects[0]?.objectId ?? '';
      const startedAt = new Date();
      const stepTimes: Date[] = [];
      const options = {
        dryRun: false,
        signal: endOf(c.req.raw, context),
        onStep: (_: unknown, of: string | undefined) => {
          if (of !== undefined) stepTimes.push(new Date());
        },
      };
      const result = await provisionByHand(context, { user, viewer: c.get('viewer'), ...options });
      const [done] = result.users;
      if (done === undefined) throw result.error ?? new Error('nobody was provisioned');
      if (done.outcome === 'unknown') throw new HTTPException(404, { message: `${done.steps.at(-1)?.description}.` });
      const endedAt = new Date();
      const entry = await entryOf(context, done, result.cycleId, facts);
      const { tenantId, store } = facts;
      const pair = toStringPair({ user: done, stepTimes, startedAt, endedAt, entry, tenantId, store });
      const where = '#microsoft.graph.stringKeyStringValuePair';
      return c.json({ '@odata.context': `${metadataOf(c, context)}${where}`, ...pair }, 200);
    });
  }
  return app;
}

/** What stands in the provisioning log of it. */
async function entryOf(
  { pool }: Pick<ConsoleContext, 'pool'>,
  { steps }: ProvisionedUser,
  cycle: number | undefined,
  facts: InstallationFacts,
): Promise<ProvisioningObjectSummary | undefined> {
  const user = steps.find((step) => step.step === 'import')?.id;
  if (cycle === undefined || user == null) return undefined;
  const { records } = await readLogPage(pool, { cycle, user }, { limit: 1 });
  return records[0] === undefined ? undefined : toProvisioningObjectSummary(records[0], facts);
}
