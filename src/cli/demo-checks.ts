/** The demo checks itself: what it tells against what the tenant and Maptician hold. */
import { isDeepStrictEqual } from 'node:util';
import type { CycleResult } from '../cycle/cycle-context.ts';
import { exitStatus } from '../cycle/run-cycle.ts';
import type { Tenant } from '../sandbox/tenant.ts';
import type { CycleCounts } from '../state/cycles.ts';
import type { EarlierAccount, StageAccount } from './demo-stage.ts';
import { type Effect, entitled } from './demo-story.ts';

export interface Checks {
  /** What was not as told, a sentence each. */
  readonly problems: readonly string[];
  equal(what: string, told: unknown, found: unknown): void;
  /** What a cycle did; what `counts` does not name is nothing. */
  cycle(cycle: CycleResult, kind: CycleResult['kind'], counts: Partial<CycleCounts>): void;
  /** The story's effects against those in the provisioning log, user by user. */
  effects(cycle: CycleResult, told: readonly Effect[], found: readonly Effect[]): void;
  /** Who is active in Maptician against who is to have access in the tenant, id by id. */
  users(cycle: CycleResult, tenant: Tenant, accounts: readonly StageAccount[]): void;
  /** Accounts from before are the same accounts still, and their users' now. */
  adopted(cycle: CycleResult, earlier: readonly EarlierAccount[], accounts: readonly StageAccount[]): void;
}

export function createChecks(): Checks {
  const problems: string[] = [];
  const equal = (what: string, told: unknown, found: unknown): void => {
    if (isDeepStrictEqual(told, found)) return;
    problems.push(`${what}: ${JSON.stringify(told)} was expected, ${JSON.stringify(found) ?? 'nothing'} is there.`);
  };
  return {
    problems,
    equal,
    cycle(cycle, kind, counts) {
      const { cycleId } = cycle;
      equal(`Cycle ${cycleId}, its kind`, kind, cycle.kind);
      for (const [name, count] of Object.entries(cycle.counts)) {
        equal(`Cycle ${cycleId}, ${name}`, counts[name as keyof CycleCounts] ?? 0, count);
      }
      equal(`Cycle ${cycleId}, exit status`, counts.failed === undefined ? 0 : 1, exitStatus(cycle));
      equal(`Cycle ${cycleId}, warnings`, [], cycle.warnings);
    },
    effects({ cycleId }, told, found) {
      equal(`Cycle ${cycleId}, entries in the provisioning log`, told.length, found.length);
      for (const effect of told) {
        const same = found.find(({ id }) => id === effect.id);
        equal(`Cycle ${cycleId}, ${effect.who}`, sorted(effect), same && sorted(same));
      }
    },
    users({ cycleId }, tenant, accounts) {
      const active = new Set(accounts.filter((account) => account.active).map(({ externalId }) => externalId ?? ''));
      const wanted = new Set(entitled(tenant).map(({ id }) => id));
      const only = (some: Set<string>, others: Set<string>) => [...some].filter((id) => !others.has(id));
      equal(`Cycle ${cycleId}, users who lack access`, [], only(wanted, active));
      equal(`Cycle ${cycleId}, users who should have no access`, [], only(active, wanted));
    },
    adopted({ cycleId }, earlier, accounts) {
      for (const { id, entraId, who, userName } of earlier) {
        const told = { id, userName, externalId: entraId, active: true };
        const found = accounts.find((account) => account.id === id);
        equal(`Cycle ${cycleId}, the account from before of ${who}`, told, found);
      }
    },
  };
}

/** The log keeps no order of attributes. */
function sorted({ changes, operation }: Effect) {
  return { operation, changes: [...changes].sort((a, b) => a.attribute.localeCompare(b.attribute)) };
}
