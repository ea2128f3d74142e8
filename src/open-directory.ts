/** Opens the Entra side for a cycle: the Graph client, the app whose assignments are the scope, and what is read of users. */
import { createHash } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import type { DirectoryCycle } from './cycle/cycle-context.ts';
import { doubtApp, findServicePrincipal } from './directory/assignments.ts';
import { createGraphClient } from './directory/graph-client.ts';
import type { PullContext } from './directory/pull-context.ts';
import type { OnRequest } from './http.ts';
import type { Log } from './log.ts';
import { readsRoles } from './mapping/attribute-mapping.ts';
import { attributesRead, fingerprint } from './mapping/attribute-table.ts';
import { selectionOf } from './mapping/source-schema.ts';
import type { PlanRules } from './plan/decide.ts';
import {
  sourceAttributes as attributesFiltered,
  fingerprint as filterFingerprint,
  filterGroups,
} from './scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from './scope/filters/model.ts';
import type { Settings } from './settings.ts';
import type { Database } from './state/database.ts';
import { keepServicePrincipal } from './state/facts.ts';

interface Parts {
  readonly settings: Settings;
  readonly log: Log;
  readonly filters: ScopingFilters;
  readonly rules: PlanRules;
  readonly database: Database;
  readonly credential: TokenCredential;
  readonly onRequest: OnRequest;
}

/** The returned function rejects with a SyncError where the app cannot be found. */
export function directoryOpener(parts: Parts): (cycle: DirectoryCycle) => Promise<PullContext> {
  const { settings, log, filters, rules, database, credential, onRequest } = parts;
  const { table } = rules;
  const origin = new URL(settings.GRAPH_BASE_URL).origin;
  const roles = table.mappings.some(({ source }) => readsRoles(source));
  const { properties, manager } = selectionOf([...attributesRead(table), ...attributesFiltered(filters)]);
  const nestedGroups = settings.SYNC_NESTED_GROUPS;
  const everyone = settings.SYNC_SCOPE === 'all';

  return async (cycle) => {
    for (const warning of filters.warnings) log.warn(`scoping filters: ${warning}`);
    const graph = createGraphClient({
      origin,
      credential,
      signal: cycle.signal,
      onRequest,
    });
    const findApp = async (appId: string): Promise<string> => {
      const id = await findServicePrincipal({ graph }, appId).catch((thrown: unknown) =>
        doubtApp(database.pool, thrown),
      );
      await keepServicePrincipal(database.pool, appId, id.toLowerCase());
      return id;
    };
    const servicePrincipalId = everyone
      ? undefined
      : (settings.ENTRA_SERVICE_PRINCIPAL_ID ?? (await findApp(settings.ENTRA_APP_ID ?? '')));
    // Whatever of these changes makes every comparison of before doubtful: an initial cycle, links are kept.
    const depends = [
      settings.AZURE_TENANT_ID,
      origin,
      settings.SYNC_SCOPE,
      servicePrincipalId?.toLowerCase(),
      properties,
      manager,
      roles,
      fingerprint(table),
      filterFingerprint(filters),
      nestedGroups,
      rules.flowNulls,
      rules.hardDelete,
    ];
    return {
      pool: database.pool,
      graph,
      mirror: { table, filters, properties, manager, roles, everyone },
      filterGroups: filterGroups(filters),
      nestedGroups,
      servicePrincipalId: servicePrincipalId?.toLowerCase(),
      fingerprint: createHash('sha256').update(JSON.stringify(depends)).digest('hex').slice(0, 32),
      log,
      now: Date.now,
      progress: cycle.progress,
      warn: (message) => {
        log.warn(message);
        cycle.warn(message);
      },
    };
  };
}
