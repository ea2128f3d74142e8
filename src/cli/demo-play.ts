/** The demo itself: three cycles on the sandbox, told as they happen. */
import type { CycleResult } from '../cycle/cycle-context.ts';
import { runCycle } from '../cycle/run-cycle.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Service } from '../service.ts';
import type { CycleCounts } from '../state/cycles.ts';
import { readLog } from '../state/provisioning-log.ts';
import { print } from './command.ts';
import { type Checks, createChecks } from './demo-checks.ts';
import { changesTable, framedMail, heading, sentences } from './demo-screen.ts';
import type { EarlierAccount, Stage, StageAccount } from './demo-stage.ts';
import { assigned, changeTenant, type Effect, firstUsers, titleLimit } from './demo-story.ts';
import { createProgress } from './progress.ts';
import { renderTable } from './table.ts';

interface Play {
  readonly sandbox: Sandbox;
  readonly stage: Stage;
  readonly service: Service;
  readonly signal: AbortSignal;
}

interface PlayedCycle extends CycleResult {
  /** Requests to Graph; a batch is one. */
  readonly toGraph: number;
  /** Requests to Maptician; undefined where it is a table. */
  readonly toMaptician: number | undefined;
}

/** Plays it to the end. Resolves with what was not as told, a sentence each; rejects where the signal aborts. */
export async function play({ sandbox, stage, service, signal }: Play): Promise<readonly string[]> {
  const { tenant, mailbox } = sandbox;
  const { pool } = service.database;
  const checks = createChecks();
  const runOne = await openCycles({ sandbox, stage, service, signal });
  const accounts = () => stage.accounts(pool);
  const disabled = assigned(tenant).length - firstUsers;

  print(heading('1. The initial cycle'));
  if (stage.told.pace.length > 0) print(sentences(stage.told.pace));
  const first = await runOne({ bar: true });
  print(
    sentences([
      `${amount(first.counts.created)} users created${adoptedToo(stage)} ${cost(first)}.`,
      `${first.counts.skipped} more are assigned but disabled in Entra; they get no account.`,
      ...tellAdopted(stage.earlier),
    ]),
  );
  const { earlier } = stage;
  const firstCounts = { created: firstUsers - earlier.length, updated: earlier.length, skipped: disabled };
  checks.cycle(first, 'initial', firstCounts);
  checks.users(first, tenant, await accounts());
  checks.adopted(first, earlier, await accounts());

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
  checks.users(second, tenant, await accounts());

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
  checks.equal('The mail has the reason', true, failureMails[0]?.text.includes(stage.refusal));
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
  checks.users(third, tenant, await accounts());
  checks.equal(
    'Mails after the mend',
    ['[maptician-sync] Well again'],
    lastMails.map(({ subject }) => subject),
  );

  print(heading('Summary'));
  summarize(checks, stage, await accounts(), [first, second, third]);
  return checks.problems;
}

/** Gives Maptician its limit, starts the workers, and makes a function that runs a cycle. */
async function openCycles({ sandbox, stage, service, signal }: Play) {
  const context = await service.cycleContext();
  await context.openStore();
  await stage.limitTitles(service.database.pool);
  await service.work({ cycles: false, signal });
  return async ({ bar = false } = {}): Promise<PlayedCycle> => {
    const graphBefore = graphRequests(sandbox);
    const mapticianBefore = stage.requests();
    const progress = createProgress({ silent: !bar });
    const result = await runCycle(context, {
      ...{ trigger: 'sync', resync: false, wait: true, signal },
      progress: progress.update,
    }).finally(progress.stop);
    signal.throwIfAborted();
    // Undefined only where a cycle is not waited for.
    if (result === undefined) throw new Error('the cycle was passed over');
    if (result.error !== undefined) throw result.error;
    return {
      ...result,
      toGraph: graphRequests(sandbox) - graphBefore,
      toMaptician: mapticianBefore === undefined ? undefined : (stage.requests() ?? 0) - mapticianBefore,
    };
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
        attribute: displayName,
        from: oldValue,
        to: newValue,
      }));
      // Of a new account every value is new.
      const shown = operation === 'create' ? changes.filter(({ attribute }) => attribute === 'userName') : changes;
      return { id, who: told[place(id)]?.who ?? userName ?? id, operation, changes: shown };
    })
    .sort((a, b) => place(a.id) - place(b.id));
}

function summarize(
  checks: Checks,
  { earlier }: Stage,
  accounts: readonly StageAccount[],
  cycles: readonly PlayedCycle[],
): void {
  const active = accounts.filter((account) => account.active).length;
  const overScim = cycles.some(({ toMaptician }) => toMaptician !== undefined);
  const head = ['CYCLE', 'CREATED', 'UPDATED', 'DEACTIVATED', 'FAILED'];
  head.push(...(overScim ? ['GRAPH', 'MAPTICIAN', 'PER USER'] : ['REQUESTS', 'SECONDS', 'USERS/S']));
  const lines = cycles.map(({ cycleId, kind, counts, toGraph, toMaptician, durationMs }) => {
    const { created, updated, deactivated, failed } = counts;
    const last =
      toMaptician === undefined
        ? [(durationMs / 1000).toFixed(1), kind === 'initial' ? amount(Math.round((created * 1000) / durationMs)) : '']
        : [amount(toMaptician), (toMaptician / (created + updated + deactivated + failed)).toFixed(2)];
    return [`${cycleId} ${kind}`, ...[created, updated, deactivated, failed, toGraph].map(amount), ...last];
  });
  const toTheRight = (line: readonly string[]) =>
    line.map((text, column) => (column === 0 ? text : text.padStart(head[column]?.length ?? 0)));
  print(`${renderTable(head, lines.map(toTheRight))}\n`);
  const total = (count: (cycle: PlayedCycle) => number) => cycles.reduce((sum, cycle) => sum + count(cycle), 0);
  const toGraph = total((cycle) => cycle.toGraph);
  const toMaptician = total((cycle) => cycle.toMaptician ?? 0);
  print(
    sentences([
      `Maptician has ${amount(accounts.length)} users now, ${amount(active)} of them active. Graph got ${toGraph} requests${overScim ? `, Maptician ${amount(toMaptician)}` : ''}.`,
      ...(overScim
        ? [
            'In the initial cycle a new user costs one request, since all accounts are listed once; later two, to look and to create.',
          ]
        : []),
    ]),
  );
  const all = total(({ counts }) => counts.created) + earlier.length;
  checks.equal('Accounts in Maptician', all, accounts.length);
  checks.equal('Active accounts in Maptician', all - total(({ counts }) => counts.deactivated), active);
}

function adoptedToo({ earlier }: Stage): string {
  return earlier.length === 0 ? '' : ` and ${earlier.length} accounts adopted`;
}

/** Whose accounts were there before, and how they were found. */
function tellAdopted(earlier: readonly EarlierAccount[]): string[] {
  const found = Map.groupBy(earlier, ({ foundBy }) => foundBy);
  const lines = [...found].map(([by, accounts]) => `Found by ${by}: ${accounts.map(({ who }) => who).join(', ')}.`);
  return lines.length === 0 ? [] : [...lines, 'Nobody has two accounts.'];
}

function describeCounts({ created, updated, deactivated, failed }: CycleCounts): string {
  const parts = Object.entries({ created, updated, deactivated, failed }).filter(([, count]) => count > 0);
  return parts.map(([name, count]) => `${count} ${name}`).join(', ');
}

function cost({ durationMs, toGraph, toMaptician }: PlayedCycle): string {
  const more = toMaptician === undefined ? '' : `, ${amount(toMaptician)} to Maptician`;
  return `in ${(durationMs / 1000).toFixed(1)} s and ${toGraph} requests to Graph${more}`;
}

function amount(count: number): string {
  return count.toLocaleString('en-US');
}
