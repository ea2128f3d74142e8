/** The function table: every function of the language, by name. */
import { collectionFunctions } from './collection-functions.ts';
import { dateFunctions } from './date-functions.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { logicFunctions } from './logic-functions.ts';
import { numberFunctions } from './number-functions.ts';
import { randomFunctions } from './random-functions.ts';
import { roleFunctions } from './role-functions.ts';
import { textFunctions } from './text-functions.ts';

/** By subject, in the order of the documentation. */
export const functionGroups = [
  { title: 'Texts', functions: textFunctions },
  { title: 'Dates', functions: dateFunctions },
  { title: 'Multi-valued attributes', functions: collectionFunctions },
  { title: 'Conditions and choices', functions: logicFunctions },
  { title: 'Numbers and conversions', functions: numberFunctions },
  { title: 'App roles', functions: roleFunctions },
  { title: 'Random values', functions: randomFunctions },
] as const;

/** All functions by their exact name. */
export const functionTable: ReadonlyMap<string, FunctionDefinition> = new Map(
  functionGroups.flatMap(({ functions }) => functions).map((definition) => [definition.name, definition]),
);

/** Microsoft's functions that have no place here, with the reason. */
export const refusedFunctions: ReadonlyMap<string, string> = new Map([
  [
    'SelectUniqueValue',
    'SelectUniqueValue works towards an on-premises Active Directory only, not towards an app such as Maptician; write one rule that is unique by itself.',
  ],
  ['DefaultDomain', 'DefaultDomain is not supported; write the domain as a text.'],
]);
