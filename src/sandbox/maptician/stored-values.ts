/** What becomes of the values a client sent before they are stored: refused, changed or dropped. */
import { type AttributePath, attributePaths } from '../../mapping/maptician-user.ts';
import type { AccountAttributes } from './accounts.ts';
import type { MapticianBehaviour } from './behaviour.ts';
import { scimError } from './scim-error.ts';

const phonePaths: ReadonlySet<AttributePath> = new Set([
  'phoneNumbers[type eq "work"].value',
  'phoneNumbers[type eq "mobile"].value',
]);

/**
 * The attributes as they will be stored; throws 400 for what is not taken.
 * @param before what is stored now; a value that stays is not looked at again
 */
export function storedValues(
  sent: AccountAttributes,
  before: AccountAttributes,
  behaviour: MapticianBehaviour,
): AccountAttributes {
  const stored: Partial<Record<AttributePath, string | boolean>> = {};
  for (const path of attributePaths) {
    const value = behaviour.dropsAttribute.includes(path) ? before[path] : sent[path];
    if (value === undefined) continue;
    stored[path] = value === before[path] ? value : storedValue(path, value, behaviour);
  }
  if (stored.userName === undefined || stored.userName === '') {
    throw scimError(400, "Required attribute 'userName' is missing.", 'invalidValue');
  }
  return stored;
}

function storedValue(path: AttributePath, value: string | boolean, behaviour: MapticianBehaviour): string | boolean {
  if (typeof value !== 'string') return value;
  const { titleLimit, trimsText, normalisesPhones } = behaviour;
  const text = trimsText ? value.trim() : value;
  if (path === 'title' && titleLimit !== null && [...text].length > titleLimit) {
    throw scimError(400, `The title must not be longer than ${titleLimit} characters.`, 'invalidValue');
  }
  if (path === 'title' && text === behaviour.refusedTitle) {
    throw scimError(400, `The title "${text}" is not allowed.`, 'invalidValue');
  }
  return normalisesPhones && phonePaths.has(path)
    ? text.replace(/^(\d)(\d{3})(\d{3})(\d{4})$/, '+$1 ($2) $3-$4')
    : text;
}

export const sameAttributes = (one: AccountAttributes, other: AccountAttributes): boolean =>
  attributePaths.every((path) => one[path] === other[path]);
