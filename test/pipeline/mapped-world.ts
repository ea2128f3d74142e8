/** A world with an attribute table of its own. */
import { expect } from 'vitest';
import type { AttributePath } from '../../src/mapping/maptician-user.ts';
import { type LogFilter, readLog } from '../../src/state/provisioning-log.ts';
import { tenantOf } from './people.ts';
import { openWorld, type StoredRow, type World, type WorldOptions } from './world.ts';

/** The rows without which there is no table, but for those of the same target in `rows`. */
function tableWith(rows: readonly string[], actions?: string): string {
  const given = new Set(rows.map((row) => /target:\s*["']?([^,"']+)/.exec(row)?.[1]?.trim()));
  const basic = [
    ['userName', '{ target: userName, source: userPrincipalName, matching: 1 }'],
    ['active', '{ target: active, source: not IsSoftDeleted }'],
    ['externalId', '{ target: externalId, source: id }'],
  ].flatMap(([target, row]) => (given.has(target) ? [] : [row]));
  const list = [...basic, ...rows].map((row) => `  - ${row}\n`).join('');
  return `attributes:\n${list}${actions === undefined ? '' : `actions: ${actions}\n`}`;
}

export interface MappedWorld extends AsyncDisposable {
  readonly world: World;
  readonly tenant: World['tenant'];
  readonly ids: readonly string[];
  /** The row of a person, by object id. */
  row(id: string | undefined): Promise<StoredRow | undefined>;
  log(query?: Partial<LogFilter>): ReturnType<typeof readLog>;
  escrow(): Promise<{ entraId: string; code: string; reason: string }[]>;
  /** Another table from the next cycle on. */
  remap(rows: readonly string[], actions?: string): Promise<void>;
  /** One cycle without failures, and one that has nothing to do and writes nothing; the first time a resync, too. */
  converge(): Promise<void>;
}

export async function openMappedWorld(
  people: number,
  rows: readonly string[],
  options: WorldOptions & { readonly actions?: string; readonly person?: (index: number) => object } = {},
): Promise<MappedWorld> {
  const { tenant, ids } = tenantOf(people);
  for (const [index, id] of ids.entries()) tenant.users.update(id, options.person?.(index) ?? {});
  const world = await openWorld({
    ...options,
    sandbox: { behaviour: { resourceUnitLimit: null }, ...options.sandbox, tenant },
    settings: { REMOVAL_LIMIT_PERCENT: '100', ...options.settings },
    config: { attributes: tableWith(rows, options.actions), ...options.config },
  });
  let resynced = false;
  const pool = async () => (await world.service()).database.pool;
  return {
    world,
    tenant,
    ids,
    row: async (id) => (await world.rows()).find((row) => row.external_id === id),
    log: async (query = {}) => readLog(await pool(), { limit: 1000, ...query }),
    escrow: async () =>
      (await (await pool()).query('select entra_id as "entraId", code, reason from escrow order by entra_id')).rows,
    remap: (changed, actions) => world.restart({}, { attributes: tableWith(changed, actions) }),
    converge: async () => {
      expect(await world.sync()).toMatchObject({ exit: 0 });
      const before = await world.rows();
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, updated: 0, skipped: 0, failed: 0 } });
      if (!resynced)
        expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { created: 0, updated: 0 } });
      resynced = true;
      expect(await world.rows()).toEqual(before);
    },
    [Symbol.asyncDispose]: () => world.close(),
  };
}

/** The values of a log entry by attribute. */
export function changesOf(entry: Awaited<ReturnType<typeof readLog>>[number] | undefined) {
  return new Map(
    entry?.modified.map(({ displayName, oldValue, newValue }) => [displayName as AttributePath, [oldValue, newValue]]),
  );
}
