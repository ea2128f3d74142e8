/** How the demo looks: headings, wrapped sentences, its tables, and a mail in a frame; 80 columns or a little more. */

import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { cell } from '../words.ts';
import type { ValueChange } from './demo-story.ts';
import { renderTable } from './table.ts';

/** Of a wider terminal no more is used: long lines are hard to read. */
const widest = 100;

function width(): number {
  return Math.min(process.stdout.columns ?? 80, widest);
}

export function heading(text: string): string {
  return `\n${styleText('bold', text)}`;
}

/** Sentences, each wrapped behind its mark. */
export function sentences(texts: readonly string[], mark = ''): string {
  const indent = mark === '' ? 0 : mark.length + 2;
  const table = new Table({
    ...{ chars: noLines, style: { 'padding-left': 0, 'padding-right': 0, border: [] }, wordWrap: true },
    colWidths: mark === '' ? [width() - 1] : [indent, width() - indent - 1],
  });
  table.push(...texts.map((text) => (mark === '' ? [text] : [` ${mark}`, text])));
  return trimLines(table.toString());
}

/** The story's attributes in words that fit into a column. */
const words: Readonly<Record<string, string>> = {
  'emails[type eq "work"].value': 'work e-mail',
  'name.familyName': 'family name',
  'phoneNumbers[type eq "mobile"].value': 'mobile phone',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department': 'department',
};

/** What changed, a line a value: operation, who, attribute, old → new. */
export function changesTable(
  rows: readonly { readonly operation: string; readonly who: string; readonly changes: readonly ValueChange[] }[],
): string {
  const used = 2 * 3 + 'deactivate'.length + longest(rows.map(({ who }) => who)) + 'mobile phone'.length;
  const lines = rows.flatMap(({ operation, who, changes }) =>
    changes.map(({ attribute, from, to }, index) => [
      ...(index === 0 ? [operation, who] : ['', '']),
      words[attribute] ?? attribute,
      onOneOrTwoLines(cell(from), cell(to), width() - used),
    ]),
  );
  return renderTable(['OPERATION', 'WHO', 'ATTRIBUTE', 'OLD → NEW'], lines);
}

function onOneOrTwoLines(from: string, to: string, room: number): string {
  const line = `${from} → ${to}`;
  return line.length <= room ? line : `${from}\n→ ${to}`;
}

/** Close enough for the room that is left: marks and wide letters cancel out in no name of the story. */
function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length));
}

/** A mail as its reader sees it, in plain text. */
export function framedMail({ from, to, subject, text }: ReturnType<Sandbox['mailbox']['mails']>[number]): string {
  const inner = width() - 4;
  const rule = '─'.repeat(inner);
  const lines = [
    `From:    ${from}`,
    `To:      ${to.join(', ')}`,
    `Subject: ${subject}`,
    rule,
    ...text.trim().split('\n'),
  ];
  const table = new Table({
    chars: { ...noLines, ...frame },
    style: { 'padding-left': 1, 'padding-right': 1, border: [] },
    colWidths: [width() - 2],
  });
  for (const line of lines) {
    const indent = line.length - line.trimStart().length;
    // An empty line that is wrapped is no line at all.
    table.push([{ content: line.trimStart(), wordWrap: line.trim() !== '', style: { 'padding-left': 1 + indent } }]);
  }
  return table.toString();
}

const noLines = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
};
const frame = {
  ...{ top: '─', 'top-left': '╭', 'top-right': '╮', left: '│', right: '│' },
  ...{ bottom: '─', 'bottom-left': '╰', 'bottom-right': '╯' },
};

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
