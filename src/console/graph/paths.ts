/**
 * Where Graph's resources are: in both of its versions, and below the enterprise application by its object id or by
 * Graph's alternate key, `servicePrincipals(appId='…')`.
 */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { endOf } from '../api/openapi.ts';
import type { ConsoleContext } from '../context.ts';
import { type PrincipalKey, requireJob, requirePrincipal } from './service-principals.ts';

export const versions = ['/v1.0', '/beta'] as const;

interface PrincipalPath {
  readonly path: string;
  readonly params: Readonly<Record<string, z.ZodString>>;
  /** Documented by the other form, of which it is a spelling. */
  readonly hide: boolean;
}

const byId = '/servicePrincipals/{servicePrincipalId}';

export const principalPaths: readonly PrincipalPath[] = versions.flatMap((version) => [
  { path: `${version}${byId}`, params: { servicePrincipalId: z.string() }, hide: false },
  {
    // As Hono has it: the name of the parameter, and what it matches.
    path: `${version}/:servicePrincipalKey{servicePrincipals\\(appId='[^'/]+'\\)}`,
    params: { servicePrincipalKey: z.string() },
    hide: true,
  },
]);

export const jobPaths: readonly PrincipalPath[] = principalPaths.map(({ path, params, hide }) => ({
  path: `${path}/synchronization/jobs/{jobId}`,
  params: { ...params, jobId: z.string() },
  hide,
}));

/** A path as Hono has it, from how OpenAPI writes its parameters. */
export function routed(path: string): string {
  return path.replaceAll(/\/{(\w+)}/g, '/:$1');
}

/** The documented path of the alternate key. */
export function byAppId(path: string): string {
  return path.replace(byId, "/servicePrincipals(appId='{appId}')");
}

function keyOf(c: Context): PrincipalKey {
  const id = c.req.param('servicePrincipalId');
  if (id !== undefined) return { id };
  return { appId: c.req.param('servicePrincipalKey')?.split("'")[1] ?? '' };
}

/** The enterprise application that the path names; refused where it is another than there is. */
export function principalOf(c: Context, context: ConsoleContext) {
  return requirePrincipal(context, keyOf(c), endOf(c.req.raw, context));
}

/** The job that the path names; refused where there is no such one. */
export async function jobOf(c: Context, context: ConsoleContext): Promise<ReturnType<typeof requireJob>> {
  await principalOf(c, context);
  return requireJob(context, c.req.param('jobId') ?? '');
}

/** The base of an `@odata.context`: the origin and the version that were asked. */
export function metadataOf(c: Context, { origin }: Pick<ConsoleContext, 'origin'>): string {
  return `${origin}/${c.req.path.split('/')[1]}/$metadata`;
}
