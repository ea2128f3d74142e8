/** .NET's character classes, `[a-z\d]`, to RE2's. */
import { escapeOf, quoteCode, regexProblem } from './regex-escapes.ts';

/** Where the reading of a pattern stands. */
export interface ClassReader {
  readonly source: string;
  index: number;
}

/**
 * Translates the class that begins at the reader's index and moves past it.
 * @throws ArgumentProblem InvalidRegex
 */
export function readClass(reader: ClassReader): string {
  const { source } = reader;
  const start = reader.index;
  const negated = source.charAt(start + 1) === '^';
  reader.index += negated ? 2 : 1;
  let inside = '';
  for (let first = true; first || source.charAt(reader.index) !== ']'; first = false) {
    if (reader.index >= source.length) throw regexProblem('This class has no closing bracket.', start);
    if (source.startsWith('-[', reader.index) && !first) {
      throw regexProblem('Subtraction of classes is not supported; list what is wanted.', reader.index);
    }
    inside += readRange(reader);
  }
  reader.index += 1;
  return `[${negated ? '^' : ''}${inside}]`;
}

function readRange(reader: ClassReader): string {
  const at = reader.index;
  const from = readMember(reader);
  const next = reader.source.slice(reader.index, reader.index + 2);
  const isRange = next.length === 2 && next.startsWith('-') && next !== '-]' && next !== '-[';
  if ('set' in from) {
    if (isRange) throw regexProblem('A range begins with one character.', at);
    return from.set;
  }
  if (!isRange) return quoteCode(from.code);
  reader.index += 1;
  const to = readMember(reader);
  if ('set' in to) throw regexProblem('A range ends with one character.', at);
  if (to.code < from.code) throw regexProblem('This range ends before it begins.', at);
  return `${quoteCode(from.code)}-${quoteCode(to.code)}`;
}

function readMember(reader: ClassReader): { readonly set: string } | { readonly code: number } {
  const { source, index } = reader;
  if (source.charAt(index) !== '\\') {
    const code = source.codePointAt(index) ?? 0;
    reader.index += code > 0xffff ? 2 : 1;
    return { code };
  }
  if (source.charAt(index + 1) === 'b') {
    reader.index += 2;
    return { code: 8 };
  }
  const found = escapeOf(source, index);
  reader.index = found.end;
  return found;
}
