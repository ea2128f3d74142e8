/** Whether a cycle could run: a few requests instead of all of one. For a job in quarantine. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { graphSyncError } from '../directory/graph-client.ts';
import type { CycleContext } from './cycle-context.ts';

const anything = z.unknown();

/** Resolves where Entra and Maptician answer as they should; rejects with a SyncError. Changes nothing. */
export async function probe(context: CycleContext, signal: AbortSignal): Promise<void> {
  const store = await context.openStore();
  // Nobody has this name; an empty answer is the right one.
  await store.match('userName', [randomUUID()], { cycleId: 0, fresh: true });
  const { graph, servicePrincipalId } = await context.openDirectory({
    signal,
    progress: () => undefined,
    warn: () => undefined,
  });
  const path =
    servicePrincipalId === undefined
      ? '/users?$select=id&$top=1'
      : `/servicePrincipals/${servicePrincipalId}/appRoleAssignedTo?$top=1`;
  await graph.get(path, anything).catch((thrown: unknown) => {
    throw graphSyncError(thrown, 'the assignments of the enterprise app', 'Application.Read.All');
  });
}
