/**
 * What a row of the attribute table reads: `jobTitle`, `businessPhones[0]`, `not IsSoftDeleted`,
 * `originalUserPrincipalName`.
 */
import { type GraphProperty, graphPropertyKind, graphPropertyNames } from './source-user.ts';

/** Where a value comes from. `IsSoftDeleted` is computed by the service, everything else is read from the user. */
export type SourceReference =
  | { readonly from: 'property'; readonly property: GraphProperty; readonly index?: number; readonly invert: boolean }
  | { readonly from: 'guestName' }
  | { readonly from: 'isSoftDeleted'; readonly invert: boolean };

/** A reference with the type of the value it gives, or what is wrong with its text. */
export type ParsedReference =
  | { readonly reference: SourceReference; readonly gives: 'string' | 'boolean' }
  | { readonly problem: string };

const computedNames = ['IsSoftDeleted', 'originalUserPrincipalName'];

/** Reads the text of a `source`. */
export function parseSourceReference(text: string): ParsedReference {
  const parts = /^(?<not>not\s+)?(?<name>[A-Za-z]\w*)(?:\[(?<index>\d{1,3})\])?$/.exec(text.trim())?.groups;
  const name = parts?.name;
  if (name === undefined) {
    return { problem: `source "${text}" is not a property, a property[number] or "not" and a property` };
  }
  const invert = parts?.not !== undefined;
  const index = parts?.index === undefined ? undefined : Number(parts.index);
  const kind = kindOf(name);
  if (kind === undefined) return { problem: `source "${name}" is unknown${suggestion(name)}` };
  if (kind === 'collection' && index === undefined) {
    return { problem: `source "${name}" is a collection; write ${name}[0] for its first item` };
  }
  if (kind !== 'collection' && index !== undefined) {
    return { problem: `source "${name}" is a single value; remove [${index}]` };
  }
  if (kind !== 'boolean' && invert) return { problem: `source "${name}" is no Boolean; remove "not"` };
  return { reference: referenceTo(name, index, invert), gives: kind === 'boolean' ? 'boolean' : 'string' };
}

function referenceTo(name: string, index: number | undefined, invert: boolean): SourceReference {
  if (name === 'IsSoftDeleted') return { from: 'isSoftDeleted', invert };
  if (name === 'userPrincipalName') return { from: 'guestName' };
  const property = (name === 'originalUserPrincipalName' ? 'userPrincipalName' : name) as GraphProperty;
  return index === undefined ? { from: 'property', property, invert } : { from: 'property', property, index, invert };
}

function kindOf(name: string) {
  if (name === 'IsSoftDeleted') return 'boolean';
  if (name === 'originalUserPrincipalName') return 'string';
  return graphPropertyKind(name);
}

function suggestion(name: string): string {
  const near = [...graphPropertyNames, ...computedNames].find((known) => known.toLowerCase() === name.toLowerCase());
  return near === undefined ? '; it must be a property of the Graph user' : `; did you mean ${near}?`;
}
