/** The demo itself: three cycles on the sandbox, told as they happen. */
import { type CycleResult, runCycle } from '../cycle/run-cycle.ts';
import { toColumns } from '../maptician/postgres/columns.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Service } from '../service.ts';
import type { CycleCounts } from '../state/cycles.ts';
import { readLog } from '../state/provisioning-log.ts';
import { print } from './command.ts';
import { type Checks, createChecks } from './demo-checks.ts';
import { changesTable, framedMail, heading, sentences } from './demo-screen.ts';
import { assigned, changeTenant, type Effect, firstUsers, titleLimit } from './demo-story.ts';
import { createProgress } from './progress.ts';
import { renderTable } from './table.ts';

interface Stage {
  readonly sandbox: Sandbox;
  readonly service: Service;
  readonly signal: AbortSignal;
}

interface PlayedCycle extends CycleResult {
  /** Requests to Graph; a batch is one. */
  readonly requests: number;
}

/** Plays it to the end. Resolves with what was not as told, a sentence each; rejects where the signal aborts. */
export async function play({ sandbox, service, signal }: Stage): Promise<readonly string[]> {
  const { tenant, mailbox } = sandbox;
  const { pool } = service.database;
  const checks = createChecks();
  const runOne = await openCycles({ sandbox, service, signal });
  const disabled = assigned(tenant).length - firstUsers;

  print(heading('1. The initial cycle'));
  const first = await runOne({ bar: true });
  print(
    sentences([
      `${amount(first.counts.created)} users created ${cost(first)}.`,
      `${first.counts.skipped} more are assigned but disabled in Entra; they get no account.`,
    ]),
  );
  checks.cycle(first, 'initial', { created: firstUsers, skipped: disabled });
  await checks.users(first, tenant, pool);

  print(heading('2. Meanwhile in Entra'));
  const story = changeTenant(tenant);
  print(sentences(story.told, '•'));

  print(heading('3. An incremental cycle'));
  const second = await runOne();
  const effects = await readEffects(service, second, story.effects);
  print(sentences([`${describeCounts(second.counts)} ${cost(second)}.`, 'The provisioning log says:']));
  print(`\n${changesTable(effects)}`);
  const told = (operation: string) => story.effects.filter((effect) => effect.operation === operation).length;
  const counts = { created: told('create'), updated: told('update'), deactivated: told('deactivate'), failed: 1 };
  checks.cycle(second, 'incremental', counts);
  checks.effects(second, story.effects, effects);
  await checks.users(second, tenant, pool);

  const { failing } = story;
  print(heading('4. One user failed, and a mail says so'));
  print(
    sentences([
      `Maptician takes titles of up to ${titleLimit} characters; that of ${failing.who} has ${failing.title.length} now.`,
    ]),
  );
  const failureMails = mailbox.mails();
  for (const mail of failureMails) print(framedMail(mail));
  checks.equal('Mails after the failure', 1, failureMails.length);
  checks.equal('The mail names the user', true, failureMails[0]?.text.includes(failing.userName));
  mailbox.clear();

  print(heading('5. Mended in Entra'));
  const mended = story.mend();
  print(sentences([`The title of ${mended.who} is shortened to “${mended.changes[0]?.to}”.`]));
  const third = await runOne();
  print(sentences([`${describeCounts(third.counts)} ${cost(third)}. Then comes this mail:`]));
  const lastMails = mailbox.mails();
  print(sentences(lastMails.map(({ subject, text }) => `${subject}: ${text.split('\n', 1)[0]}.`)));
  checks.cycle(third, 'incremental', { updated: 1 });
  checks.effects(third, [mended], await readEffects(service, third, [mended]));
  await checks.users(third, tenant, pool);
  checks.equal(
    'Mails after the mend',
    ['[maptician-sync] Well again'],
    lastMails.map(({ subject }) => subject),
  );

  print(heading('Summary'));
  await summarize(checks, service, [first, second, third]);
  return checks.problems;
}

/** Gives the user store its limit, starts the workers, and makes a function that runs a cycle. */
async function openCycles({ sandbox, service, signal }: Stage) {
  const context = await service.cycleContext();
  await context.openStore();
  await service.database.pool.query(
    `alter table maptician.users add constraint title_of_at_most_${titleLimit}_characters check (length(title) <= ${titleLimit})`,
  );
  await service.work({ cycles: false, signal });
  return async ({ bar = false } = {}): Promise<PlayedCycle> => {
    const before = graphRequests(sandbox);
    const progress = createProgress({ silent: !bar });
    const result = await runCycle(context, {
      ...{ trigger: 'sync', resync: false, wait: true, signal },
      progress: progress.update,
    }).finally(progress.stop);
    signal.throwIfAborted();
    // Undefined only where a cycle is not waited for.
    if (result === undefined) throw new Error('the cycle was passed over');
    if (result.error !== undefined) throw result.error;
    return { ...result, requests: graphRequests(sandbox) - before };
  };
}

function graphRequests({ requests }: Sandbox): number {
  return requests.entries.filter(({ service, inner }) => service === 'graph' && !inner).length;
}

/** The cycle's successes in the provisioning log, in the order of the story. */
async function readEffects(service: Service, cycle: CycleResult, told: readonly Effect[]): Promise<Effect[]> {
  const entries = await readLog(service.database.pool, { cycle: cycle.cycleId, status: 'success', limit: 1000 });
  const place = (id: string) => told.findIndex((effect) => effect.id === id);
  return entries
    .map(({ entraId: id, userName, operation, modified }): Effect => {
      const changes = modified.map(({ displayName, oldValue, newValue }) => ({
        column: Object.keys(toColumns({ [displayName]: newValue }))[0] ?? displayName,
        from: oldValue,
        to: newValue,
      }));
      // Of a new account every value is new.
      const shown = operation === 'create' ? changes.filter(({ column }) => column === 'user_name') : changes;
      return { id, who: told[place(id)]?.who ?? userName ?? id, operation, changes: shown };
    })
    .sort((a, b) => place(a.id) - place(b.id));
}

async function summarize(checks: Checks, service: Service, cycles: readonly PlayedCycle[]): Promise<void> {
  const { rows } = await service.database.pool.query<{ all: number; active: number }>(
    'select count(*) as all, count(*) filter (where active) as active from maptician.users',
  );
  const { all = 0, active = 0 } = rows[0] ?? {};
  const head = ['CYCLE', 'CREATED', 'UPDATED', 'DEACTIVATED', 'FAILED', 'REQUESTS', 'SECONDS', 'USERS/S'];
  const lines = cycles.map(({ cycleId, kind, counts, requests, durationMs }) => [
    `${cycleId} ${kind}`,
    ...[counts.created, counts.updated, counts.deactivated, counts.failed, requests].map(amount),
    (durationMs / 1000).toFixed(1),
    kind === 'initial' ? amount(Math.round((counts.created * 1000) / durationMs)) : '',
  ]);
  const toTheRight = (line: readonly string[]) =>
    line.map((text, column) => (column === 0 ? text : text.padStart(head[column]?.length ?? 0)));
  print(`${renderTable(head, lines.map(toTheRight))}\n`);
  const requests = cycles.reduce((sum, cycle) => sum + cycle.requests, 0);
  print(
    sentences([
      `Maptician has ${amount(all)} users now, ${amount(active)} of them active. Graph got ${requests} requests.`,
    ]),
  );
  const sum = (name: keyof CycleCounts) => cycles.reduce((total, { counts }) => total + counts[name], 0);
  checks.equal('Accounts in Maptician', sum('created'), all);
  checks.equal('Active accounts in Maptician', sum('created') - sum('deactivated'), active);
}

function describeCounts({ created, updated, deactivated, failed }: CycleCounts): string {
  const parts = Object.entries({ created, updated, deactivated, failed }).filter(([, count]) => count > 0);
  return parts.map(([name, count]) => `${count} ${name}`).join(', ');
}

function cost({ durationMs, requests }: PlayedCycle): string {
  return `in ${(durationMs / 1000).toFixed(1)} s and ${requests} requests to Graph`;
}

function amount(count: number): string {
  return count.toLocaleString('en-US');
}
