/**
 * YAML, read in a time that grows with its length and no faster: some of it is sent by people who look at the console. What the
 * parser has of its own for repeated keys compares each key with each, and its excerpts copy a long line for each error.
 */
import {
  type Document,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
  YAMLParseError,
} from 'yaml';
import { toError } from './errors.ts';
import { excerptAt } from './mapping/expression/expression-error.ts';
import { howMany } from './words.ts';

export interface YamlSource {
  readonly document: Document;
  readonly lines: LineCounter;
  /** From the top of the text to its end, without excerpts. */
  readonly errors: readonly YAMLError[];
}

/** One mistake is followed by others that only come of it. */
const errorsShown = 20;

/** Parses a text. With `failsafe` all scalars stay text. Never throws. */
export function parseYaml(text: string, options: { readonly schema?: 'failsafe' } = {}): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...options, lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  const errors = [...document.errors, ...repeatedKeys(document)];
  return { document, lines, errors: errors.toSorted((one, other) => one.pos[0] - other.pos[0]) };
}

export interface YamlContent extends Pick<YamlSource, 'document' | 'lines'> {
  readonly content: unknown;
}

/** What a text holds, or what is wrong with it, each with its line and an excerpt. */
export function readYaml(text: string): YamlContent | { readonly problems: readonly string[] } {
  const { document, lines, errors } = parseYaml(text);
  if (errors.length > 0) {
    const more = errors.length - errorsShown;
    return {
      problems: [
        ...errors.slice(0, errorsShown).map((error) => describe(error, text, lines)),
        ...(more > 0 ? [`and ${howMany(more, 'problem')} more`] : []),
      ],
    };
  }
  try {
    return { document, lines, content: document.toJS() };
  } catch (thrown) {
    // An alias without an anchor, or one that grows without bounds, is only found here.
    return { problems: [toError(thrown).message] };
  }
}

function repeatedKeys(document: Document): YAMLParseError[] {
  const errors: YAMLParseError[] = [];
  visit(document, {
    Map: (_, map) => {
      if (!isMap(map)) return;
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const [start = 0] = key.range ?? [];
        if (keys.has(key.value)) {
          errors.push(new YAMLParseError([start, start + 1], 'DUPLICATE_KEY', 'Map keys must be unique'));
        }
        keys.add(key.value);
      }
    },
  });
  return errors;
}

function describe({ message, pos: [start] }: YAMLError, text: string, lines: LineCounter): string {
  if (start < 0) return message.trimEnd();
  const { line, col } = lines.linePos(start);
  // At the beginning of a line, the mistake is in the one before as a rule.
  const before = /^\s*$/.test(text.slice(start - col + 1, start)) ? lineBefore(text, start - col + 1) : '';
  return `${message.trimEnd()} at line ${line}, column ${col}:\n\n${before}${excerptAt(text, { start, end: start + 1 })}`;
}

function lineBefore(text: string, lineStart: number): string {
  if (lineStart === 0) return '';
  return `${text.slice(text.lastIndexOf('\n', lineStart - 2) + 1, lineStart - 1).slice(0, 80)}\n`;
}
