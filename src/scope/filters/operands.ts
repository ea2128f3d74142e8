/** What stands on the right of an operator: how it is checked, and how it is read. */
import { ArgumentProblem } from '../../mapping/expression/expression-error.ts';
import { compileRegex } from '../../mapping/expression/regex.ts';

/** What an operator takes: nothing, one text, one of several, a whole number, a pattern, a moment, or group ids. */
export type OperandKind = 'nothing' | 'text' | 'texts' | 'integer' | 'pattern' | 'moment' | 'groups';

/** The most that a list may hold. */
const maxListLength = 1000;
const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const millisecondsOfADay = 86_400_000;

/** What is wrong with the values of an operand; nothing where they are sound. */
export function operandProblem(kind: OperandKind, values: readonly string[], isList: boolean): string | undefined {
  if (kind === 'nothing') return values.length === 0 && !isList ? undefined : 'takes no value; remove "value"';
  if (values.length === 0) {
    return isList ? 'needs at least one value in its list' : 'needs a value; write "value: ..." below it';
  }
  if (values.length > maxListLength) return `takes at most ${maxListLength} values`;
  if (values.includes('')) return 'cannot compare with an empty text; use IS NULL or IS NOT NULL';
  if (isList && kind !== 'texts' && kind !== 'groups') return 'takes one value, not a list';
  for (const value of values) {
    const problem = valueProblem(kind, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function valueProblem(kind: OperandKind, value: string): string | undefined {
  switch (kind) {
    case 'integer':
      return readInteger(value) === undefined
        ? `needs a whole number without sign such as 1000000, not "${value}"`
        : undefined;
    case 'pattern':
      return patternProblem(value);
    case 'moment':
      return readMoment(value) === undefined
        ? `needs a date (2026-09-01), a moment (2026-09-01T08:00:00Z), or now, now+14d or now-30d, not "${value}"`
        : undefined;
    case 'groups':
      return guid.test(value) ? undefined : `needs the object id of a group, not "${value}"`;
    default:
      return undefined;
  }
}

function patternProblem(pattern: string): string | undefined {
  try {
    compileRegex(pattern);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof ArgumentProblem)) throw thrown;
    const looksAround = thrown.index !== undefined && /^\(\?<?[=!]/.test(pattern.slice(thrown.index));
    if (looksAround) {
      return `cannot look ahead or behind, as character ${(thrown.index ?? 0) + 1} begins to; say what must not be there in a clause of its own, with NOT REGEX MATCH`;
    }
    const place = thrown.index === undefined ? '' : ` at character ${thrown.index + 1}`;
    return `cannot use the pattern${place}: ${thrown.message}`;
  }
}

/** Whether a text is an object id. */
export function isObjectId(text: string): boolean {
  return guid.test(text);
}

/** A whole number without sign, as Microsoft's Greater_Than asks for; undefined for anything else. */
export function readInteger(text: string): bigint | undefined {
  return /^\d{1,100}$/.test(text) ? BigInt(text) : undefined;
}

/** A moment: fixed, or so many milliseconds from now. */
export type Moment = { readonly at: number } | { readonly fromNow: number };

/** Reads `2026-09-01` (the beginning of that day, UTC), `2026-09-01T08:00:00Z`, `now`, `now+14d`, `now-30d`. */
export function readMoment(text: string): Moment | undefined {
  const relative = /^now(?:([+-])(\d{1,5})d)?$/.exec(text);
  if (relative !== null) {
    const distance = Number(relative[2] ?? 0) * millisecondsOfADay;
    return { fromNow: relative[1] === '-' ? -distance : distance };
  }
  const at = readInstant(text);
  return at === undefined ? undefined : { at };
}

const instantForm = /^(\d{4}-\d{2}-(\d{2}))(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Milliseconds since 1970 of an ISO 8601 date or moment, as Graph writes them; undefined for anything else. */
export function readInstant(text: string): number | undefined {
  const parts = instantForm.exec(text);
  if (parts === null) return undefined;
  // Date.parse moves a 31st of April into May.
  const day = new Date(`${parts[1]}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.getUTCDate() !== Number(parts[2])) return undefined;
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? undefined : instant;
}
