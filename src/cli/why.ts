/** `why`: where one user stands, and what comes next. */

import { why as findOut, type Why } from '../cycle/why.ts';
import { actionFor, cell, shortAttribute, when } from '../words.ts';
import { type CommandOptions, cannotRun, print, printJson, withService } from './command.ts';
import { renderTable } from './table.ts';

export async function why(user: string, options: CommandOptions): Promise<number> {
  return withService(options, async (service) => {
    const found = await findOut(service.whyContext(), user);
    if (found === undefined) {
      process.stderr.write(
        'Nobody is known by this name: who was not assigned when Entra was last read is not kept here.\nTo ask Entra itself: maptician-sync provision --dry-run USER\n',
      );
      if (options.json) printJson({ known: false });
      return cannotRun;
    }
    if (options.json) printJson(found);
    else print(describe(found));
    return 0;
  });
}

function describe(found: Why): string {
  const { standing, comparison, log, scope } = found;
  return [
    line('User', `${cell(found.userName)}, object id ${found.id}`),
    line('Scope', found.scopeSentence),
    ...scope.clauses.map(({ clause, passed }) => line('', `${passed ? '✓' : '✗'} ${cell(clause)}`)),
    line('Account', accountOf(found)),
    ...(comparison.unmapped === null ? [] : [line('', `no values can be worked out: ${cell(comparison.unmapped)}`)]),
    ...failureLines(standing.failure),
    ...log.map((entry, place) =>
      line(
        place === 0 ? 'Log' : '',
        `${when(entry.activityAt)} ${entry.operation} ${entry.status}${entry.reason === null ? '' : `: ${cell(entry.reason)}`}`,
      ),
    ),
    ...(standing.rejectedRemoval === null ? [] : [line('Rejected', `${standing.rejectedRemoval}, by an operator`)]),
    line('Next', found.next),
    ...(comparison.attributes.length === 0 ? [] : ['', attributeTable(found)]),
  ].join('\n');
}

function line(label: string, text: string): string {
  return `${label.padEnd(10)} ${text}`;
}

function accountOf({ comparison: { linked, account, problem, matching } }: Why): string {
  if (account === 'unread') {
    return `${linked === null ? 'none yet' : linked}; Maptician could not be asked now (${cell(problem)})`;
  }
  if (linked !== null) return account === 'there' ? linked : `${linked}, which Maptician does not have any more`;
  if (matching.length === 0) return 'none, and none in Maptician matches';
  return `none yet; in Maptician ${matching.length === 1 ? 'one matches' : 'several match'}: ${matching.join(', ')}`;
}

function failureLines(failure: Why['standing']['failure']): string[] {
  if (failure === null) return [];
  const { code, httpStatus, reason, attempts, firstFailedAt, nextRetryAt } = failure;
  const what = httpStatus === null ? code : `${code} (${httpStatus})`;
  const again = nextRetryAt === null ? 'not again by itself' : `next at ${when(nextRetryAt)} UTC, or after a change`;
  return [
    line('Failure', `${what}: ${cell(reason)}`),
    line('', `tried ${attempts === 1 ? 'once' : `${attempts} times`} since ${when(firstFailedAt)} UTC, ${again}`),
    line('', actionFor(code)),
  ];
}

const differences = {
  'to write': '≠ to be written',
  'changed in Maptician': '≠ changed in Maptician',
  'kept by Maptician': 'kept so by Maptician',
} as const;

function attributeTable({ comparison: { attributes } }: Why): string {
  return renderTable(
    ['ATTRIBUTE', 'WANTED', 'APPLIED', 'IN MAPTICIAN', ''],
    attributes.map(({ attribute, wanted, applied, maptician, difference }) => [
      shortAttribute(attribute),
      cell(wanted),
      cell(applied),
      cell(maptician),
      difference === null ? '' : differences[difference],
    ]),
  );
}
