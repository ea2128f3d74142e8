/** What every record of this installation says of it. */
import type { InstallationFacts } from '../log-record/summary.ts';
import { storeIdentity } from '../maptician/open-user-store.ts';
import type { Settings } from '../settings.ts';
import { type Database, installationId } from '../state/database.ts';
import { readServicePrincipal } from '../state/facts.ts';

export async function installationFacts(
  settings: Settings,
  database: Pick<Database, 'pool'>,
): Promise<InstallationFacts> {
  return {
    installation: await installationId(database),
    tenantId: settings.AZURE_TENANT_ID,
    servicePrincipalId: await servicePrincipalOf(settings, database),
    store: storeIdentity(settings),
  };
}

async function servicePrincipalOf(
  { SYNC_SCOPE, ENTRA_SERVICE_PRINCIPAL_ID, ENTRA_APP_ID }: Settings,
  { pool }: Pick<Database, 'pool'>,
): Promise<string | undefined> {
  if (SYNC_SCOPE === 'all') return undefined;
  if (ENTRA_SERVICE_PRINCIPAL_ID !== undefined) return ENTRA_SERVICE_PRINCIPAL_ID.toLowerCase();
  return ENTRA_APP_ID === undefined ? undefined : readServicePrincipal(pool, ENTRA_APP_ID);
}
