/** `mapping check`: all problems of the attribute table and the scoping filters, and what is allowed but worth a thought. */

import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { configFile } from '../config-file.ts';
import { SyncError, toError } from '../errors.ts';
import { type AttributeTable, parseAttributeTable } from '../mapping/attribute-table.ts';
import { excerptAt } from '../mapping/expression/expression-error.ts';
import { lintExpression } from '../mapping/expression/lint.ts';
import { parseScopingFilters } from '../scope/filters/parse-filters.ts';
import { howMany } from '../words.ts';
import { print } from './command.ts';
import { reportFile, shownPath } from './mapping-files.ts';

/** Exit status 0 when they can be used, 2 when not. */
export async function checkMapping(file: string | undefined): Promise<number> {
  const files = file === undefined ? [configFile('attributes.yaml'), configFile('scoping-filters.yaml')] : [file];
  let status = 0;
  for (const path of files) {
    try {
      print(await checkFile(path));
    } catch (thrown) {
      status = reportFile(thrown, {});
    }
  }
  return status;
}

async function checkFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    throw new SyncError('Misconfigured', `${path} cannot be read: ${toError(thrown).message}`);
  });
  const name = shownPath(path);
  if (isFilters(text)) {
    const { filters, warnings } = parseScopingFilters(text, name);
    return described(`${name}: ${howMany(filters.length, 'filter')}, and nothing wrong`, warnings);
  }
  const table = parseAttributeTable(text, name);
  return described(`${name}: ${howMany(table.mappings.length, 'row')}, and nothing wrong`, remarksOn(table));
}

/** Which of the two it is; what is neither is read as a table, which says what it misses. */
function isFilters(text: string): boolean {
  try {
    const content: unknown = parse(text, { logLevel: 'silent' });
    return z.looseObject({ filters: z.unknown() }).safeParse(content).data?.filters !== undefined;
  } catch {
    // What is no YAML at all is told of by the parser of its file.
    return /^filters\s*:/m.test(text);
  }
}

function described(summary: string, remarks: readonly string[]): string {
  const lines = remarks.map((remark) => `- ${remark.replaceAll('\n', '\n  ')}`);
  return [remarks.length === 0 ? `${summary}.` : `${summary}. Worth a thought:`, ...lines].join('\n');
}

function remarksOn({ mappings }: AttributeTable): string[] {
  return mappings.flatMap(({ target, source, apply }) => {
    if (source.from !== 'expression') return [];
    const { expression } = source;
    return lintExpression(expression.source, { apply }).map(({ message, position }) => {
      const { line, column, offset } = position;
      const excerpt = excerptAt(expression.source, { start: offset, end: offset + 1 });
      return `${target}, line ${line}, column ${column}: ${message}\n${excerpt}`;
    });
  });
}
