/** NormalizeDiacritics: the letters of Microsoft's list to plain ones; every other letter stays. */

/** The documented list in small letters; capitals give capitals. */
const rows: readonly (readonly [string, string])[] = [
  ['a', 'ä à â ã å á ą ă ā ā́ ā̀ ā̂ ā̃ ǟ ā̈ ǡ a̱ å̄'],
  ['ae', 'æ ǣ'],
  ['c', 'ç č ć c̄ c̱'],
  ['d', 'ď d̄ ḏ'],
  ['e', 'ë è é ê ę ě ė ē ḗ ḕ ē̂ ē̃ ê̄ e̱ ë̄ e̊̄'],
  ['g', 'ğ ḡ g̱'],
  // The last is the small letter of İ, which is in the list as a capital.
  ['i', 'ï î ì í ı ī ī́ ī̀ ī̂ ī̃ i̱ i̇'],
  ['l', 'ľ ł l̄ ḹ ḻ'],
  ['n', 'ñ ń ň n̄ ṉ'],
  ['o', 'ö ò ő õ ô ó ō ṓ ṑ ō̂ ō̃ ȫ ō̈ ǭ ȭ ȱ o̱'],
  ['oe', 'ø ø̄ œ̄'],
  ['r', 'ř r̄ ṟ ṝ'],
  ['ss', 'ß'],
  ['s', 'š ś ș ş s̄ s̱'],
  ['t', 'ť ț t̄ ṯ'],
  ['u', 'ü ù û ú ů ű ū ū́ ū̀ ū̂ ū̃ u̇̄ ǖ ṻ ṳ̄ u̱'],
  ['y', 'ÿ ý ȳ ȳ́ ȳ̀ ȳ̃ y̱'],
  ['z', 'ź ž ż z̄ ẕ'],
];

/** By the decomposed letter, so that it does not matter how the source composes it. */
const plainLetters: ReadonlyMap<string, string> = new Map(
  rows.flatMap(([plain, letters]) => letters.split(' ').map((letter) => [letter.normalize('NFD'), plain] as const)),
);

const letter = /\P{M}\p{M}*/gu;
const ascii = /^[\0-\x7F]*$/;

/** The text with plain letters. */
export function normalizeDiacritics(text: string): string {
  if (ascii.test(text)) return text;
  return text.replace(letter, plain);
}

function plain(written: string): string {
  if (written.length === 1 && written <= '\x7F') return written;
  const whole = written.normalize('NFD');
  const small = plainLetters.get(whole);
  return small ?? plainLetters.get(whole.toLowerCase())?.toUpperCase() ?? written;
}
