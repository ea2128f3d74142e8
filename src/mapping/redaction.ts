/** Values that are written to Maptician and shown nowhere: what Redact in an expression asks for. */
import type { AttributePath, UserAttributes } from './maptician-user.ts';

/** What stands for a value that is not shown. */
export const redactedText = '[Redact]';

/** The attributes as they may be shown; what has no value is still seen to have none. */
export function redact(attributes: UserAttributes, paths: Iterable<AttributePath>): UserAttributes {
  const hidden = new Set(paths);
  if (hidden.size === 0) return attributes;
  const shown = Object.entries(attributes).map(([path, value]) => [
    path,
    hidden.has(path as AttributePath) && value !== null && value !== undefined ? redactedText : value,
  ]);
  return Object.fromEntries(shown);
}

/** A text of somebody else, such as the reason of a refusal, without the values that it may quote. */
export function redactText(text: string, attributes: UserAttributes, paths: Iterable<AttributePath>): string {
  let shown = text;
  for (const path of paths) {
    const value = attributes[path];
    if (typeof value !== 'string' || value === '') continue;
    for (const form of new Set([value, JSON.stringify(value).slice(1, -1)])) {
      shown = shown.replaceAll(form, redactedText);
    }
  }
  return shown;
}
