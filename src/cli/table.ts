/** Tables for a terminal: aligned by display width, so that names in any script line up. */
import Table from 'cli-table3';
import { enterpriseUserSchema } from '../mapping/scim-path.ts';

const none = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
const borderless = {
  ...none,
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  right: '',
  middle: '  ',
};

/** Renders rows under a head; each cell is plain text. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    chars: borderless,
    style: { head: process.stdout.isTTY ? ['bold'] : [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A value in a table: what is not there is a dash, and nothing breaks the line. */
export function cell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '–';
  return String(value).replaceAll(/\s+/g, ' ');
}

/** A Maptician attribute without the long name of its schema, which says nothing to a reader. */
export function shortAttribute(path: string): string {
  return path.startsWith(`${enterpriseUserSchema}:`) ? path.slice(enterpriseUserSchema.length + 1) : path;
}

/** A count with its noun: 1 removal, 2 removals. */
export function howMany(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** UTC date and time to the second. */
export function when(time: Date | null | undefined): string {
  return time === null || time === undefined ? '–' : time.toISOString().slice(0, 19).replace('T', ' ');
}
