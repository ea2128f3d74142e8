/**
 * What a row of the attribute table reads: `jobTitle`, `businessPhones[0]`, `not IsSoftDeleted`,
 * `originalUserPrincipalName`.
 */
import { findSourceAttribute, type SourceAttribute, unknownAttribute } from './source-schema.ts';

/** An attribute of the user, perhaps one of its values, perhaps inverted. */
export interface SourceReference {
  readonly from: 'attribute';
  readonly attribute: SourceAttribute;
  /** Of an attribute with several values the one that is meant; the first is 0. */
  readonly index?: number;
  readonly invert: boolean;
}

/** A reference with the type of the value it gives, or what is wrong with its text. */
export type ParsedReference =
  | { readonly reference: SourceReference; readonly gives: 'string' | 'boolean' | 'unknown' }
  | { readonly problem: string };

/** Reads the text of a `source`. */
export function parseSourceReference(text: string): ParsedReference {
  const parts = /^(?<not>not\s+)?(?<name>[A-Za-z][\w.]*)(?:\[(?<index>\d{1,3})\])?$/.exec(text.trim())?.groups;
  const name = parts?.name;
  if (name === undefined) {
    const advice = /\(/.test(text) ? '; an expression goes under "expression:"' : '';
    return { problem: `source "${text}" is not an attribute, an attribute[number] or "not" and an attribute${advice}` };
  }
  const invert = parts?.not !== undefined;
  const index = parts?.index === undefined ? undefined : Number(parts.index);
  const attribute = findSourceAttribute(name);
  if (attribute === undefined) return { problem: `source ${unknownAttribute(name)}` };
  if (attribute.multiValued === true && index === undefined) {
    return { problem: `source "${name}" is a collection; write ${name}[0] for its first item` };
  }
  if (attribute.multiValued === false && index !== undefined) {
    return { problem: `source "${name}" is a single value; remove [${index}]` };
  }
  const isBoolean = attribute.type === 'Boolean';
  if (attribute.type !== undefined && !isBoolean && invert) {
    return { problem: `source "${name}" is no Boolean; remove "not"` };
  }
  return {
    reference: { from: 'attribute', attribute, invert, ...(index === undefined ? {} : { index }) },
    gives: isBoolean || invert ? 'boolean' : attribute.type === undefined ? 'unknown' : 'string',
  };
}
