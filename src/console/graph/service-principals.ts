/** The enterprise application, as Graph's servicePrincipal: the address of everything below it. Only read here. */
import { z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { installationFacts } from '../../log-export/installation-facts.ts';
import { type InstallationFacts, jobIdOf } from '../../log-record/summary.ts';
import type { Service } from '../../service.ts';
import type { ConsoleContext } from '../context.ts';

/** After https://learn.microsoft.com/graph/api/resources/serviceprincipal; what is not known here is left out. */
export const servicePrincipal = z
  .object({
    id: z.string(),
    appId: z.string().nullable(),
    displayName: z.string(),
    servicePrincipalType: z.literal('Application'),
  })
  .openapi('servicePrincipal');
export type ServicePrincipal = z.infer<typeof servicePrincipal>;

type Reading = Pick<ConsoleContext, 'service' | 'pool'>;

/** As a path names it: by object id, or by application id, Graph's alternate key. */
export type PrincipalKey = { readonly id: string } | { readonly appId: string };

/**
 * The one there is. Its object id is looked up in Entra where no cycle has done so yet. With SYNC_SCOPE=all there is no
 * application, and the id is that of the installation.
 */
export async function readServicePrincipal({ service, pool }: Reading, signal: AbortSignal): Promise<ServicePrincipal> {
  const { settings } = service;
  const facts = await installationFacts(settings, { pool });
  const id = facts.servicePrincipalId ?? (settings.SYNC_SCOPE === 'all' ? facts.installation : undefined);
  return {
    id: id ?? (await lookUp(service, signal)),
    appId: settings.SYNC_SCOPE === 'all' ? null : (settings.ENTRA_APP_ID ?? null),
    displayName: 'Maptician',
    servicePrincipalType: 'Application',
  };
}

async function lookUp(service: Service, signal: AbortSignal): Promise<string> {
  const nothing = () => undefined;
  const { servicePrincipalId = '' } = await service.openDirectory({ signal, progress: nothing, warn: nothing });
  return servicePrincipalId;
}

/** Refuses a path that names another application. */
export async function requirePrincipal(
  context: Reading,
  key: PrincipalKey,
  signal: AbortSignal,
): Promise<ServicePrincipal> {
  const found = await readServicePrincipal(context, signal);
  const same = 'id' in key ? sameText(key.id, found.id) : sameText(key.appId, found.appId);
  if (same) return found;
  throw new HTTPException(404, {
    message: `This service provisions for the enterprise application ${found.id} alone. GET /v1.0/servicePrincipals tells of it.`,
  });
}

function sameText(one: string, other: string | null): boolean {
  return one.toLowerCase() === other?.toLowerCase();
}

/** Refuses a path that names another job; there is one. */
export async function requireJob(
  { service, pool }: Reading,
  jobId: string,
): Promise<{ readonly jobId: string; readonly facts: InstallationFacts }> {
  const facts = await installationFacts(service.settings, { pool });
  const known = jobIdOf(facts);
  if (sameText(jobId, known)) return { jobId: known, facts };
  throw new HTTPException(404, { message: `There is one job here, ${known}.` });
}
