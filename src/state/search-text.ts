/** What users are found by when a person types a part of a name: without case, and without accents and the like. Pure. */

/** As both what is searched and what is searched for are written: `Björn` and `BJORN` are the same. */
export function folded(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

const properties = ['userPrincipalName', 'mail', 'displayName', 'givenName', 'surname'] as const;

/** Of a user as Graph gives it; `userName` as it is in Maptician. */
export function searchText(user: Readonly<Record<string, unknown>>, userName: string | null): string {
  const parts = [userName, ...properties.map((property) => user[property])];
  const words = new Set(parts.flatMap((part) => (typeof part === 'string' && part !== '' ? [folded(part)] : [])));
  return [...words].join(' ');
}

/** The words of a search, each of which must be found; more than eight say no more. */
export function searchWords(asked: string): string[] {
  return folded(asked)
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 8);
}

/** The same in SQL, for rows that were written before there was such a column; letters with accents count as they are. */
export const searchOfUser = `coalesce(u.search, lower(concat_ws(' ', u.user_name, ${properties
  .map((property) => `u.attributes->>'${property}'`)
  .join(', ')})))`;
