/** Patterns that match more than they seem to: .NET's IsMatch looks anywhere in the value. */

/** What to say of a pattern that is probably meant to match the whole value; undefined where nothing is to be said. */
export function patternWarning(pattern: string): string | undefined {
  const begins = /^(?:\(\?[imnsx-]+\))?(?:\^|\\A)/.test(pattern);
  const ends = /(?<!\\)(?:\\\\)*(?:\$|\\[zZ])$/.test(pattern);
  if (!begins && !ends) return `the pattern matches anywhere in the value; for the whole value write ^(?:${pattern})$`;
  if (!alternatesAtTop(pattern)) return undefined;
  const inner = pattern.slice(pattern.startsWith('^') ? 1 : 0, ends && pattern.endsWith('$') ? -1 : undefined);
  return `"|" divides the whole pattern, so ^ and $ belong to one side of it each; for the whole value write ^(?:${inner})$`;
}

/** Whether a bar stands outside of all groups and classes. */
function alternatesAtTop(pattern: string): boolean {
  const outside = pattern.replace(/\\./gs, '').replace(/\[\^?\]?[^\]]*\]/g, '');
  let depth = 0;
  for (const letter of outside) {
    if (letter === '(') depth += 1;
    else if (letter === ')') depth -= 1;
    else if (letter === '|' && depth === 0) return true;
  }
  return false;
}
