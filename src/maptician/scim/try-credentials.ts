/** Tries a Secret Token out that is not in the settings yet, without writing anything. */
import type pg from 'pg';
import { SyncError } from '../../errors.ts';
import { probeFilter } from './probe.ts';
import { parseTenantUrl } from './profile.ts';
import { createRequestPace } from './request-pace.ts';
import { createScimClient } from './scim-client.ts';

/**
 * Asks for a user nobody can be, as Microsoft's own test of a connection does. Rejects with a SyncError where that is not
 * answered as it should be.
 * @param options.ceiling requests a second; the pace is the one that the service keeps to this Tenant URL anyway
 */
export async function tryCredentials(options: {
  readonly tenantUrl: string;
  readonly token: string;
  readonly pool: pg.Pool;
  readonly ceiling: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { token, pool, ceiling, signal } = options;
  const { url, store } = parseTenantUrl(options.tenantUrl);
  const pace = createRequestPace({ pool, store, ceiling, signal });
  if (await probeFilter(createScimClient({ url, token, pace, signal }))) return;
  throw new SyncError(
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
    'Maptician takes the token, but does not answer a search for a user nobody is with an empty list',
  );
}
