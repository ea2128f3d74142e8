/** Functions of texts. */

import { normalizeDiacritics } from './diacritics.ts';
import { ArgumentProblem } from './expression-error.ts';
import { countAt, eager, type FunctionDefinition, ofText, prepared, textAt, wordAt } from './function-definition.ts';
import { toLowerCase, toProperCase, toUpperCase } from './letter-case.ts';
import { buildReplace } from './replace.ts';
import { findText } from './text-builder.ts';

const source = { name: 'source', type: 'text' } as const;
const culture = { name: 'culture', type: 'text', optional: true } as const;
const compareTypes = ['vbBinaryCompare', 'vbTextCompare'] as const;

export const textFunctions: readonly FunctionDefinition[] = [
  {
    name: 'Append',
    parameters: [source, { name: 'suffix', type: 'text' }],
    gives: 'text',
    deterministic: true,
    about: 'The source with the suffix behind it.',
    example: {
      expression: 'Append([userPrincipalName], ".test")',
      inputs: { userPrincipalName: 'John.Doe@contoso.com' },
      output: 'John.Doe@contoso.com.test',
    },
    build: ofText((text, values) => text + (textAt(values, 1) ?? '')),
  },
  {
    name: 'ConvertToBase64',
    parameters: [source],
    gives: 'text',
    deterministic: true,
    about: 'The UTF-16 bytes of the text (low byte first) in Base64.',
    example: {
      expression: 'ConvertToBase64("Hello world!")',
      inputs: {},
      output: 'SABlAGwAbABvACAAdwBvAHIAbABkACEA',
    },
    build: ofText((text) => Buffer.from(text, 'utf16le').toString('base64')),
  },
  {
    name: 'ConvertToUTF8Hex',
    parameters: [source],
    gives: 'text',
    deterministic: true,
    about: 'The UTF-8 bytes of the text as capital hexadecimal digits.',
    example: { expression: 'ConvertToUTF8Hex("Hello world!")', inputs: {}, output: '48656C6C6F20776F726C6421' },
    build: ofText((text) => Buffer.from(text, 'utf8').toString('hex').toUpperCase()),
  },
  {
    name: 'InStr',
    parameters: [
      { name: 'value1', type: 'text' },
      { name: 'value2', type: 'text' },
      { name: 'start', type: 'number', optional: true },
      { name: 'compareType', type: 'word', words: compareTypes, optional: true },
    ],
    gives: 'number',
    deterministic: true,
    about: 'Where the second text first stands in the first one, counted from 1; 0 where it does not.',
    example: { expression: 'InStr("The quick brown fox", "quick")', inputs: {}, output: '5' },
    build: eager((values, scope) => {
      const [text, wanted] = [textAt(values, 0) ?? '', textAt(values, 1) ?? ''];
      const from = Math.max((countAt(values, 2) ?? 1) - 1, 0);
      if (from > text.length) return 0;
      const compareType =
        values[3] === undefined || values[3] === null ? 'vbBinaryCompare' : wordAt(values, 3, compareTypes);
      const fold = (part: string) => (compareType === 'vbTextCompare' ? toLowerCase(part) : part);
      return findText(fold(text), fold(wanted), from, scope.spend) + 1;
    }),
  },
  {
    name: 'Left',
    parameters: [
      { name: 'String', type: 'text' },
      { name: 'NumChars', type: 'number' },
    ],
    gives: 'text',
    deterministic: true,
    about: 'The first characters of the text: none for 0 and for null, all of them for a negative number.',
    example: { expression: 'Left("John Doe", 3)', inputs: {}, output: 'Joh' },
    build: eager((values) => {
      const [text, count] = [textAt(values, 0) ?? '', countAt(values, 1) ?? 0];
      return count < 0 ? text : text.slice(0, count);
    }),
  },
  {
    name: 'Mid',
    parameters: [source, { name: 'start', type: 'number' }, { name: 'length', type: 'number' }],
    gives: 'text',
    deterministic: true,
    about: 'A part of the text from a place on, counted from 1, and as much as there is.',
    example: { expression: 'Mid([givenName], 1, 3)', inputs: { givenName: 'Johanna' }, output: 'Joh' },
    build: ofText((text, values) => {
      const start = Math.max((countAt(values, 1) ?? 1) - 1, 0);
      return text.slice(start, start + Math.max(countAt(values, 2) ?? 0, 0));
    }),
  },
  {
    name: 'NormalizeDiacritics',
    parameters: [source],
    gives: 'text',
    deterministic: true,
    about:
      'Letters with diacritics as plain ones: ä is a, ø is oe, ß is ss. Letters that Microsoft does not list stay.',
    example: { expression: 'NormalizeDiacritics([givenName])', inputs: { givenName: 'Zoë' }, output: 'Zoe' },
    build: ofText((text) => normalizeDiacritics(text)),
  },
  {
    name: 'PCase',
    parameters: [source, { name: 'wordSeparators', type: 'text', optional: true }],
    gives: 'text',
    deterministic: true,
    about: 'Each word with a capital first letter. With separators, only these characters end a word.',
    example: {
      expression: 'PCase([lastName], " \'-")',
      inputs: { lastName: "PINTO-DE'SILVA" },
      output: "Pinto-De'Silva",
    },
    build: ofText((text, values) => toProperCase(text, textAt(values, 1))),
  },
  {
    name: 'Replace',
    parameters: [
      source,
      { name: 'oldValue', type: 'text', optional: true },
      { name: 'regexPattern', type: 'text', optional: true },
      { name: 'regexGroupName', type: 'text', optional: true },
      { name: 'replacementValue', type: 'text', optional: true },
      { name: 'replacementAttributeName', type: 'text', optional: true },
      { name: 'template', type: 'text', optional: true },
    ],
    gives: 'text',
    deterministic: true,
    about:
      'Replaces in the source, by the arguments that are given: oldValue and replacementValue (every occurrence); oldValue and template (in the template, by the source); regexPattern and replacementValue (every match, with the substitutions of .NET for its groups); regexPattern, regexGroupName and replacementValue (only the group of each match); regexPattern, regexGroupName and replacementAttributeName (the source if it has a value, else the group as the pattern finds it in the other attribute).',
    example: {
      expression: 'Replace([telephoneNumber], , "\\\\+(?<isdCode>\\\\d* )(?<phoneNumber>\\\\d{10})", , "$2", , )',
      inputs: { telephoneNumber: '+91 9998887777' },
      output: '9998887777',
    },
    build: buildReplace,
  },
  {
    name: 'StripSpaces',
    parameters: [source],
    gives: 'text',
    deterministic: true,
    about: 'The text without its spaces.',
    example: { expression: 'StripSpaces([surname])', inputs: { surname: 'van der Berg' }, output: 'vanderBerg' },
    build: ofText((text) => text.replaceAll(' ', '')),
  },
  {
    name: 'ToLower',
    parameters: [source, culture],
    gives: 'text',
    deterministic: true,
    about: 'The text in small letters, by the rules of a culture such as tr-TR or of none.',
    example: {
      expression: 'ToLower([userPrincipalName])',
      inputs: { userPrincipalName: 'John.Doe@Contoso.com' },
      output: 'john.doe@contoso.com',
    },
    build: inCulture(toLowerCase),
  },
  {
    name: 'ToUpper',
    parameters: [source, culture],
    gives: 'text',
    deterministic: true,
    about: 'The text in capitals, by the rules of a culture such as tr-TR or of none.',
    example: { expression: 'ToUpper([country])', inputs: { country: 'Norway' }, output: 'NORWAY' },
    build: inCulture(toUpperCase),
  },
  {
    name: 'Word',
    parameters: [
      { name: 'String', type: 'text' },
      { name: 'WordNumber', type: 'number' },
      { name: 'Delimiters', type: 'text' },
    ],
    gives: 'text',
    deterministic: true,
    about: 'A word of the text, counted from 1, where each of the delimiters ends a word. Empty where there is none.',
    example: {
      expression: 'Word("This,string!has&many separators", 3, ",!&#")',
      inputs: {},
      output: 'has',
    },
    build: eager((values) => {
      const [text, number, delimiters] = [textAt(values, 0) ?? '', countAt(values, 1) ?? 0, textAt(values, 2) ?? ''];
      return number < 1 ? '' : (wordsOf(text, delimiters)[number - 1] ?? '');
    }),
  },
];

function inCulture(change: (text: string, culture?: string) => string): FunctionDefinition['build'] {
  return prepared((call) => {
    const constant = call.constants[1];
    if (constant !== undefined) checkCulture(String(constant));
    return (values) => {
      const [text, tag] = [textAt(values, 0), textAt(values, 1)];
      if (text === null) return null;
      if (tag === null || tag === '') return change(text);
      checkCulture(tag);
      return change(text, tag);
    };
  });
}

function checkCulture(tag: string): void {
  try {
    if (tag !== '') Intl.getCanonicalLocales(tag);
  } catch {
    throw new ArgumentProblem('InvalidArgument', 'This is no culture; write one such as en-US or ja-JP.', 1);
  }
}

function wordsOf(text: string, delimiters: string): readonly string[] {
  const ends = new Set(delimiters);
  const words: string[] = [];
  let word = '';
  for (const character of text) {
    if (!ends.has(character)) word += character;
    else if (word !== '') {
      words.push(word);
      word = '';
    }
  }
  return word === '' ? words : [...words, word];
}
