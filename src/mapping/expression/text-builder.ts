/** Long texts from many parts, and searches in them, within the bounds of an evaluation. */
import { ArgumentProblem } from './expression-error.ts';
import { maxTextLength } from './limits.ts';

type Spend = (work: number) => void;

export interface TextBuilder {
  /** @throws ArgumentProblem TextTooLong, TooMuchWork */
  append(part: string): void;
  text(): string;
}

/** The length is checked at each part, before a result could grow beyond memory. */
export function createTextBuilder(spend: Spend): TextBuilder {
  let text = '';
  return {
    append(part) {
      spend(1);
      if (text.length + part.length > maxTextLength) {
        const limit = maxTextLength.toLocaleString('en-US');
        throw new ArgumentProblem('TextTooLong', `The value would be longer than ${limit} characters.`);
      }
      text += part;
    },
    text: () => text,
  };
}

/** Where a text stands in another, from an index on, or -1. */
export function findText(text: string, wanted: string, from: number, spend: Spend): number {
  // A search may compare every character of one with every character of the other.
  if (wanted.length > 16) spend(((text.length - from) * wanted.length) / 16);
  return text.indexOf(wanted, from);
}

/** Every occurrence of a text replaced; nothing is replaced for an empty one. */
export function replaceText(text: string, wanted: string, replacement: string, spend: Spend): string {
  if (wanted === '') return text;
  const result = createTextBuilder(spend);
  let from = 0;
  for (;;) {
    const at = findText(text, wanted, from, spend);
    result.append(text.slice(from, at === -1 ? undefined : at));
    if (at === -1) return result.text();
    result.append(replacement);
    from = at + wanted.length;
  }
}
