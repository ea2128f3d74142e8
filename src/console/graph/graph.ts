/**
 * Microsoft Graph's resources of synchronization, at the paths that Graph has them, so that a script written against it
 * works with another base URL (https://learn.microsoft.com/graph/api/resources/synchronization-overview).
 */
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type ApiApp, createApi, endOf, json, refusals } from '../api/openapi.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest, jsonError } from '../errors.ts';
import { jobRoutes } from './jobs.ts';
import { FilterProblem, parseFilter } from './odata-filter.ts';
import { byAppId, jobPaths, metadataOf, principalOf, principalPaths, routed, versions } from './paths.ts';
import { provisionOnDemandRoutes } from './provision-on-demand.ts';
import { provisioningLogRoutes } from './provisioning-log.ts';
import { schemaRoutes } from './schema.ts';
import { readServicePrincipal, type ServicePrincipal, servicePrincipal } from './service-principals.ts';
import { validateCredentialsRoutes } from './validate-credentials.ts';

/** What Graph has there, and this service does not. */
const changes = ['POST', 'PUT', 'PATCH', 'DELETE'];

export function graphRoutes(context: ConsoleContext): ApiApp {
  const app = createApi();
  const parts = [
    servicePrincipalRoutes(context),
    jobRoutes(context),
    schemaRoutes(context),
    provisionOnDemandRoutes(context),
    validateCredentialsRoutes(context),
    provisioningLogRoutes(context),
  ];
  for (const part of parts) app.route('/', part);
  for (const { path } of principalPaths) app.on(changes, routed(`${path}/synchronization/jobs`), fixedJobs);
  for (const { path } of jobPaths) {
    app.on(changes, routed(path), fixedJobs);
    app.on(changes, routed(`${path}/schema`), fixedSchema);
  }
  for (const version of versions) app.get(`${version}/http:/*`, (c) => toOwnPath(c, context));
  return app;
}

const tags = ['servicePrincipals'];
const odataContext = { '@odata.context': z.string() };

function servicePrincipalRoutes(context: ConsoleContext): ApiApp {
  const app = createApi();
  for (const version of versions) {
    const route = createRoute({
      method: 'get',
      path: `${version}/servicePrincipals`,
      tags,
      summary: 'The enterprise application that this service provisions for: the one there is',
      request: {
        query: z.strictObject({
          $filter: z.string().max(4000).optional().openapi({ description: "Such as `appId eq '…'`." }),
        }),
      },
      responses: {
        200: json(z.object({ ...odataContext, value: z.array(servicePrincipal) }), 'It, where the filter has it.'),
        ...refusals,
      },
    });
    app.openapi(route, async (c) => {
      const found = await readServicePrincipal(context, endOf(c.req.raw, context));
      const { $filter } = c.req.valid('query');
      const value = $filter === undefined || isMeant(found, $filter) ? [found] : [];
      return c.json({ '@odata.context': `${metadataOf(c, context)}#servicePrincipals`, value }, 200);
    });
  }

  for (const { path, params, hide } of principalPaths) {
    const route = createRoute({
      method: 'get',
      path,
      hide,
      tags,
      summary: 'The enterprise application, as far as it is known here',
      request: { params: z.object(params) },
      responses: { 200: json(servicePrincipal.extend(odataContext), 'It.'), ...refusals },
    });
    app.openapi(route, async (c) => {
      const found = await principalOf(c, context);
      return c.json({ '@odata.context': `${metadataOf(c, context)}#servicePrincipals/$entity`, ...found }, 200);
    });
  }
  return app;
}

const filterable = ['id', 'appId', 'displayName'] as const;

function isMeant(found: ServicePrincipal, text: string): boolean {
  try {
    const filter = parseFilter(text);
    const property = filter.kind === 'comparison' && filterable.find((name) => name === filter.property);
    if (filter.kind === 'comparison' && property && filter.operator === 'eq') {
      return filter.values[0]?.text.toLowerCase() === found[property]?.toLowerCase();
    }
  } catch (thrown) {
    if (thrown instanceof FilterProblem) throw badRequest(`$filter: ${thrown.message}.`);
    throw thrown;
  }
  throw badRequest(`$filter: write one of ${filterable.join(', ')}, eq and a text.`);
}

function fixedJobs(c: Context<ConsoleEnv>): Response {
  return notAllowed(
    c,
    'The one job is made by the settings of the service. What can be done with it: start, pause, restart.',
  );
}

function fixedSchema(c: Context<ConsoleEnv>): Response {
  return notAllowed(
    c,
    'The mapping is in config/attributes.yaml and config/scoping-filters.yaml: change them there. "maptician-sync mapping import" writes them from a synchronization schema.',
  );
}

function notAllowed(c: Context<ConsoleEnv>, message: string): Response {
  c.header('Allow', 'GET, HEAD');
  return jsonError(c, 405, 'MethodNotAllowed', message);
}

/**
 * Microsoft's JavaScript SDK takes a next link apart only where it is https, and appends one of http to the base URL as if
 * it were a path.
 */
function toOwnPath(c: Context<ConsoleEnv>, { origin }: ConsoleContext): Response | Promise<Response> {
  const { pathname, search } = new URL(c.req.url);
  const own = /^\/(?:v1\.0|beta)\/http:\/\/?[^/]+(\/(?:v1\.0|beta)\/.*)$/.exec(pathname)?.[1];
  return own === undefined ? c.notFound() : c.redirect(`${origin}${own}${search}`, 307);
}

/** The documentation of the alternate key, from that of the object id. */
export function documentAppIdPaths({ openAPIRegistry: registry }: ApiApp): void {
  for (const definition of [...registry.definitions]) {
    if (definition.type !== 'route') continue;
    const { route } = definition;
    const path = byAppId(route.path);
    if (path === route.path) continue;
    const known = route.path.includes('{jobId}') ? { jobId: z.string() } : {};
    registry.registerPath({
      ...route,
      path,
      request: { ...route.request, params: z.object({ appId: z.string(), ...known }) },
    });
  }
}
