/** Upper, lower and proper case as .NET has them. */

type Change = (text: string) => string;

/**
 * One character stays one character in .NET, so that ß has no upper case.
 * @param culture a tag such as tr-TR; without it the invariant culture
 */
export function toUpperCase(text: string, culture?: string): string {
  return eachCharacter(text, (part) => (culture === undefined ? part.toUpperCase() : part.toLocaleUpperCase(culture)));
}

/** As toUpperCase. */
export function toLowerCase(text: string, culture?: string): string {
  return eachCharacter(text, (part) => (culture === undefined ? part.toLowerCase() : part.toLocaleLowerCase(culture)));
}

const ascii = /^[\0-\x7F]*$/;

function eachCharacter(text: string, change: Change): string {
  if (ascii.test(text)) return change(text);
  let result = '';
  for (const character of text) {
    const changed = change(character);
    result += changed.length === character.length ? changed : character;
  }
  return result;
}

const separators = '\\p{Z}\\p{Cc}\\p{Cf}\\p{P}\\p{S}';
// An apostrophe within a word does not end it, as in TextInfo.ToTitleCase.
const wholeWord = new RegExp(`\\p{L}(?:[^${separators}]|')*`, 'gu');

/**
 * Each word with a capital first letter and small others.
 * @param wordSeparators the only characters that end a word; without them what ends a word for TextInfo.ToTitleCase does
 */
export function toProperCase(text: string, wordSeparators: string | null): string {
  const lower = toLowerCase(text);
  if (wordSeparators === null || wordSeparators === '') return lower.replace(wholeWord, capitalized);
  const ends = new Set(wordSeparators);
  let result = '';
  let first = true;
  for (const character of lower) {
    result += first ? toUpperCase(character) : character;
    first = ends.has(character);
  }
  return result;
}

function capitalized(word: string): string {
  const first = String.fromCodePoint(word.codePointAt(0) ?? 0);
  return toUpperCase(first) + word.slice(first.length);
}
