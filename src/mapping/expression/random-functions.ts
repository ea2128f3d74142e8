/** Functions that give another value each time. */
import { ArgumentProblem } from './expression-error.ts';
import { type Call, countAt, eager, type FunctionDefinition, prepared, textAt } from './function-definition.ts';

const minimum = (name: string) => ({ name, type: 'number' }) as const;

export const randomFunctions: readonly FunctionDefinition[] = [
  {
    name: 'Guid',
    parameters: [],
    gives: 'text',
    deterministic: false,
    about: 'A new random GUID.',
    example: { expression: 'Replace(Guid(), , "[0-9a-f]{4}", , "x", , )', inputs: {}, output: 'xx-x-x-x-xxx' },
    build: eager((_, scope) => {
      const bytes = Array.from({ length: 16 }, () => scope.randomInt(256));
      // Version 4, variant 1 (RFC 9562 section 5.4).
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    }),
  },
  {
    name: 'RandomString',
    parameters: [
      minimum('Length'),
      minimum('MinimumNumbers'),
      minimum('MinimumSpecialCharacters'),
      minimum('MinimumCapital'),
      minimum('MinimumLowerCase'),
      { name: 'CharactersToAvoid', type: 'text', optional: true },
    ],
    gives: 'text',
    deterministic: false,
    about:
      'A random text of a length (256 at most) with at least so many digits, special characters, capitals and small letters, and none of the characters to avoid.',
    example: {
      expression: 'Replace(RandomString(6, 3, 0, 0, 3), , "[0-9a-z]", , "x", , )',
      inputs: {},
      output: 'xxxxxx',
    },
    build: prepared((call) => {
      const constants = call.constants.slice(0, 5).map((constant) => numberOf(constant));
      if (constants.length === 5 && constants.every((constant) => constant !== undefined)) checkLengths(constants);
      checkClasses(
        constants.map((constant) => constant ?? 0),
        avoidedIn(call),
      );
      return (values, scope) => {
        const counts = [0, 1, 2, 3, 4].map((index) => countAt(values, index) ?? 0);
        checkLengths(counts);
        const avoided = textAt(values, 5) ?? '';
        checkClasses(counts, avoided);
        return randomString(counts, avoided, scope.randomInt);
      };
    }),
  },
];

/** In the order of the parameters: digits, special characters, capitals, small letters. */
const classes = [
  '0123456789',
  '!#$%&()*+,-./:;<=>?@[]^_{|}~',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  'abcdefghijklmnopqrstuvwxyz',
];
const special = 1;

function randomString(counts: readonly number[], avoided: string, randomInt: (below: number) => number): string {
  const [length = 0, ...minima] = counts;
  const allowed = allowedIn(avoided);
  const characters = allowed.flatMap((members, index) =>
    Array.from({ length: minima[index] ?? 0 }, () => members.charAt(randomInt(members.length))),
  );
  // What no minimum asks for is any letter or digit, and a special character only where some are wanted.
  const others = allowed.filter((_, index) => index !== special || (minima[special] ?? 0) > 0).join('');
  while (characters.length < length) characters.push(others.charAt(randomInt(others.length)));
  for (let index = characters.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    const [here = '', there = ''] = [characters[index], characters[other]];
    [characters[index], characters[other]] = [there, here];
  }
  return characters.join('');
}

function checkLengths([length = 0, ...minima]: readonly number[]): void {
  const negative = minima.findIndex((count) => count < 0);
  if (negative !== -1) throw new ArgumentProblem('InvalidArgument', 'A minimum is 0 or more.', negative + 1);
  if (length > 256) throw new ArgumentProblem('InvalidArgument', 'The length is at most 256.', 0);
  const sum = minima.reduce((total, count) => total + count, 0);
  if (length < Math.max(sum, 1)) {
    throw new ArgumentProblem('InvalidArgument', 'The length is at least 1 and at least the sum of the minima.', 0);
  }
}

function checkClasses([, ...minima]: readonly number[], avoided: string): void {
  const allowed = allowedIn(avoided);
  const emptied = allowed.findIndex((members, index) => members === '' && (minima[index] ?? 0) > 0);
  const nothingLeft = allowed.every((members, index) => index === special || members === '');
  if (emptied !== -1 || nothingLeft) {
    throw new ArgumentProblem(
      'InvalidArgument',
      'With these characters avoided there are none left to choose from.',
      5,
    );
  }
}

function allowedIn(avoided: string): readonly string[] {
  return classes.map((members) => [...members].filter((member) => !avoided.includes(member)).join(''));
}

function numberOf(constant: string | bigint | undefined): number | undefined {
  return typeof constant === 'bigint' ? Number(constant) : undefined;
}

function avoidedIn(call: Call): string {
  return String(call.constants[5] ?? '');
}
