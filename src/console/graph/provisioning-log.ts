/** The provisioning log as Graph's `/auditLogs/provisioning` (https://learn.microsoft.com/graph/api/provisioningobjectsummary-list). */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { installationFacts } from '../../log-export/installation-facts.ts';
import { provisioningObjectSummary, toProvisioningObjectSummary } from '../../log-record/summary.ts';
import { type LogPage, readMatching } from '../../state/log-page.ts';
import { type ApiApp, createApi, json, refusals } from '../api/openapi.ts';
import type { ConsoleContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import { compileLogFilter } from './log-filter.ts';
import { FilterProblem } from './odata-filter.ts';
import { metadataOf, versions } from './paths.ts';

const tags = ['auditLogs'];
// Made anew: what was made before this library was loaded cannot be given a name by it.
const record = z.object(provisioningObjectSummary.shape).openapi('provisioningObjectSummary');

/** Where the next page begins; nobody but this service is to read it. */
const skipToken = {
  write: (before: number) => Buffer.from(`before ${before}`).toString('base64url'),
  read: (text: string): number => {
    const [, digits] = /^before (\d{1,15})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
    if (digits === undefined) throw badRequest('$skiptoken is none of this service: follow @odata.nextLink as it is.');
    return Number(digits);
  },
};

const query = z.strictObject({
  $filter: z.string().max(4000).optional().openapi({
    description:
      "Such as `provisioningStatusInfo/status eq 'failure' and activityDateTime ge 2026-09-01T00:00:00Z`. Name users by sourceIdentity/id where you can: a URL is no place for names.",
  }),
  $top: z.coerce.number().int().min(1).max(1000).default(100),
  $skiptoken: z.string().max(100).optional().openapi({ description: 'From an @odata.nextLink.' }),
  $orderby: z
    .string()
    .regex(/^activityDateTime\s+desc$/, 'The log is given newest first, activityDateTime desc, and in no other order.')
    .optional(),
});
type Query = z.infer<typeof query>;

export function provisioningLogRoutes(context: ConsoleContext): ApiApp {
  const { pool } = context;
  const { settings } = context.service;
  const app = createApi();

  const readPage = async (filter: string | undefined, below: number | undefined, limit: number) => {
    const facts = await installationFacts(settings, { pool });
    const page = await readMatching(pool, await compiled(filter, below, facts), limit);
    return { ...page, value: page.records.map((entry) => toProvisioningObjectSummary(entry, facts)) };
  };
  const compiled = (filter: string | undefined, below: number | undefined, facts: Facts) =>
    compileLogFilter(pool, filter, { facts, below }).catch((thrown: unknown) => {
      throw thrown instanceof FilterProblem ? badRequest(`$filter: ${thrown.message}.`) : thrown;
    });

  for (const version of versions) {
    const path = `${version}/auditLogs/provisioning`;
    app.openapi(
      createRoute({
        method: 'get',
        path,
        tags,
        summary:
          'The provisioning log, newest first; a page may have fewer entries than asked for, or none, and a next',
        request: { query },
        responses: {
          200: json(
            z.object({
              '@odata.context': z.string(),
              '@odata.nextLink': z.url().optional(),
              value: z.array(record),
            }),
            'A page.',
          ),
          ...refusals,
        },
      }),
      async (c) => {
        const asked = c.req.valid('query');
        const below = asked.$skiptoken === undefined ? undefined : skipToken.read(asked.$skiptoken);
        const { value, next } = await readPage(asked.$filter, below, asked.$top);
        const nextLink =
          next === undefined ? {} : { '@odata.nextLink': linkTo(`${context.origin}${path}`, asked, next) };
        const where = '#auditLogs/provisioning';
        return c.json({ '@odata.context': `${metadataOf(c, context)}${where}`, ...nextLink, value }, 200);
      },
    );

    app.openapi(
      createRoute({
        method: 'get',
        path: `${path}/{id}`,
        tags,
        summary: 'One of the newest entries of the provisioning log',
        request: { params: z.object({ id: z.guid() }) },
        responses: { 200: json(record, 'The entry.'), ...refusals },
      }),
      async (c) => {
        const page = await readPage(`id eq ${c.req.valid('param').id}`, undefined, 1);
        const [entry] = page.value;
        if (entry === undefined) throw new HTTPException(404, { message: `No entry has this id${howFar(page)}.` });
        return c.json(entry, 200);
      },
    );
  }
  return app;
}

type Facts = Awaited<ReturnType<typeof installationFacts>>;

/** An id leads to no row: entries are looked through for it. */
function howFar({ lookedTo }: Pick<LogPage, 'lookedTo'>): string {
  return lookedTo === undefined
    ? ''
    : `, of those since ${lookedTo.toISOString()}: older ones are found by $filter on the list, page by page`;
}

function linkTo(address: string, { $filter, $top, $orderby }: Query, next: number): string {
  const parameters = Object.entries({ $filter, $top, $orderby, $skiptoken: skipToken.write(next) });
  const written = parameters.flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${encodeURIComponent(value)}`,
  );
  return `${address}?${written.join('&')}`;
}
