/** `why`: where one user stands, and what comes next. */
import { accountOf, describeFailure, describeTries, differences } from '../cycle/describe-why.ts';
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

function failureLines(failure: Why['standing']['failure']): string[] {
  if (failure === null) return [];
  return [
    line('Failure', describeFailure(failure)),
    line('', describeTries(failure)),
    line('', actionFor(failure.code)),
  ];
}

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
