/** `drift`: what somebody else changed in Maptician, and whose accounts there are. */

import type { CycleResult } from '../cycle/cycle-context.ts';
import { checkDrift, listDiscovered } from '../cycle/drift.ts';
import type { AccountKind, DiscoveredAccount } from '../cycle/drift-accounts.ts';
import { exitStatus } from '../cycle/run-cycle.ts';
import type { DriftKind } from '../plan/drift.ts';
import type { Service } from '../service.ts';
import type { DriftCounts, UserDrift } from '../state/drift.ts';
import { modifiedProperties } from '../state/provisioning-log.ts';
import { cell, howMany } from '../words.ts';
import { type CommandOptions, print, withService } from './command.ts';
import { createProgress } from './progress.ts';
import { cycleJson, describeCycle, runOneCycle } from './sync.ts';
import { renderTable } from './table.ts';

export interface DriftCommandOptions extends CommandOptions {
  readonly repair?: boolean | undefined;
  /** Lists the accounts of this kind instead. */
  readonly accounts?: AccountKind | undefined;
}

/** So many rows are shown on a terminal; `--json` has them all. */
const shownRows = 200;

export async function drift(options: DriftCommandOptions): Promise<number> {
  return withService(options, (service, signal) => {
    const { accounts } = options;
    return accounts === undefined
      ? compare(service, options, signal)
      : listAccounts(service, { ...options, accounts }, signal);
  });
}

async function compare(service: Service, options: DriftCommandOptions, signal: AbortSignal): Promise<number> {
  const json = options.json === true;
  const progress = createProgress({ silent: json });
  const rows = createJsonList(json, '{"drift":[');
  // Those with the wrong access stand first, so they are kept apart.
  const shown = { access: [] as UserDrift[], others: [] as UserDrift[] };
  const counts = await checkDrift(await service.cycleContext(), {
    action: options.repair === true ? 'repair' : 'report',
    signal,
    progress: progress.update,
    each: (one) => {
      rows.add(driftJson(one));
      const kept = one.kind === 'access' ? shown.access : shown.others;
      if (!json && kept.length < shownRows) kept.push(one);
    },
  }).finally(progress.stop);
  const found = sum(counts.drift);
  if (!json) print(describeDrift([...shown.access, ...shown.others].slice(0, shownRows), counts, options));
  const result = options.repair === true ? await repair(service, { json, signal }) : undefined;
  const cycle = result === undefined ? {} : { cycle: cycleJson(result) };
  rows.end(`],${JSON.stringify({ counts, ...cycle }).slice(1)}`);
  if (result === undefined) return found === 0 ? 0 : 1;
  if (!json) print(describeCycle(result));
  return exitStatus(result);
}

/** The links say what Maptician has; a cycle makes good what differs. */
function repair(
  service: Service,
  options: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<CycleResult> {
  return runOneCycle(service, { ...options, trigger: 'drift' });
}

async function listAccounts(
  service: Service,
  options: DriftCommandOptions & { readonly accounts: AccountKind },
  signal: AbortSignal,
): Promise<number> {
  const json = options.json === true;
  const progress = createProgress({ silent: json });
  const rows = createJsonList(json, '[');
  const shown: DiscoveredAccount[] = [];
  let count = 0;
  await listDiscovered(await service.cycleContext(), {
    signal,
    progress: progress.update,
    each: (account) => {
      if (account.kind !== options.accounts) return;
      count += 1;
      rows.add(account);
      if (!json && shown.length < shownRows) shown.push(account);
    },
  }).finally(progress.stop);
  rows.end(']');
  if (!json) print(describeAccounts(shown, count, options.accounts));
  return 0;
}

/** Written as it comes, so that a million accounts need no memory. */
function createJsonList(enabled: boolean, opening: string) {
  let before = opening;
  const write = (text: string) => {
    if (enabled) process.stdout.write(text);
  };
  return {
    add: (value: unknown) => {
      write(`${before}${JSON.stringify(value)}`);
      before = ',';
    },
    end: (closing: string) => write(`${before === opening ? opening : ''}${closing}\n`),
  };
}

function driftJson({ kind, entraId, userName, mapticianId, reason, before, after }: UserDrift) {
  const changes = modifiedProperties(before, after).map(({ displayName, oldValue, newValue }) => ({
    attribute: displayName,
    applied: oldValue,
    found: newValue,
  }));
  return { kind, id: entraId, userName, mapticianId, reason, changes };
}

function describeDrift(shown: readonly UserDrift[], counts: DriftCounts, { repair }: DriftCommandOptions): string {
  const { drift, accounts } = counts;
  const active = accounts.unassignedActive === 0 ? '' : ` ${accounts.unassignedActive} of them still active;`;
  const lines = [
    `Accounts in Maptician: ${sum({ ...accounts, unassignedActive: 0 })}`,
    `  assigned    ${accounts.assigned}`,
    `  unassigned  ${accounts.unassigned}${accounts.unassigned === 0 ? '' : `  ${active} see: maptician-sync drift --accounts unassigned`}`,
    `  local       ${accounts.local}${accounts.local === 0 ? '' : '   see: maptician-sync drift --accounts local'}`,
    '',
  ];
  const found = sum(drift);
  if (found === 0) return [...lines, 'No drift: the linked accounts are as they were applied.'].join('\n');
  const rows = shown.map((one) => [one.kind, cell(one.userName ?? one.entraId), describeChange(one)]);
  const more = found - shown.length;
  const summary = (Object.keys(summaryText) as DriftKind[])
    .filter((kind) => drift[kind] > 0)
    .map((kind) => `${drift[kind]} ${summaryText[kind]}`);
  return [
    ...lines,
    renderTable(['DRIFT', 'USER', 'APPLIED → FOUND'], rows),
    ...(more > 0 ? [`… and ${more} more; --json has them all`] : []),
    '',
    `${howMany(found, 'linked account')} drifted: ${summary.join(', ')}.`,
    repair === true ? 'They are made good now.' : 'Make it good: maptician-sync drift --repair',
  ].join('\n');
}

const summaryText: Record<DriftKind, string> = {
  access: 'with wrong access',
  missing: 'missing',
  changed: 'with other values',
};

function describeChange({ kind, reason, before, after }: UserDrift): string {
  const changes = modifiedProperties(before, after)
    .filter(({ displayName }) => displayName !== 'active')
    .map(({ displayName, oldValue, newValue }) => `${displayName}: ${cell(oldValue)} → ${cell(newValue)}`);
  return [...(kind === 'changed' ? [] : [reason]), ...changes].join('; ');
}

function describeAccounts(shown: readonly DiscoveredAccount[], count: number, kind: AccountKind): string {
  if (count === 0) return `No account in Maptician is ${kind}.`;
  const rows = shown.map(({ userName, active, mapticianId, entraId, linked }) => [
    cell(userName),
    active === null ? '–' : active ? 'active' : 'inactive',
    cell(mapticianId),
    ...(kind === 'local' ? [] : [cell(entraId), linked ? 'linked' : 'matching']),
  ]);
  const head = ['ACCOUNT', 'STATE', 'MAPTICIAN ID', ...(kind === 'local' ? [] : ['ENTRA OBJECT ID', 'HOW'])];
  return [
    renderTable(head, rows),
    ...(count > shown.length ? [`… and ${count - shown.length} more; --json has them all`] : []),
    '',
    `${howMany(count, `${kind} account`)}: ${kindText[kind]}.`,
  ].join('\n');
}

const kindText: Record<AccountKind, string> = {
  assigned: 'of users who have access',
  unassigned: 'of Entra users who have no access',
  local: 'of nobody that was read from Entra; maptician-sync never touches them',
};

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, one) => all + one, 0);
}
