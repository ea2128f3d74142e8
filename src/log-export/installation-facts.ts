/** What every record of this installation says of it. */
import type { InstallationFacts } from '../log-record/summary.ts';
import { storeIdentity } from '../maptician/open-user-store.ts';
import type { Settings } from '../settings.ts';
import { type Database, installationId } from '../state/database.ts';

export async function installationFacts(
  settings: Settings,
  database: Pick<Database, 'pool'>,
): Promise<InstallationFacts> {
  return {
    installation: await installationId(database),
    tenantId: settings.AZURE_TENANT_ID,
    servicePrincipalId: settings.ENTRA_SERVICE_PRINCIPAL_ID,
    store: storeIdentity(settings),
  };
}
