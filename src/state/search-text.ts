/** What users are found by when a person types a part of a name: without case, and without accents and the like. Pure. */

/** As both what is searched and what is searched for are written: `Björn` and `BJORN` are the same. */
function folded(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

const properties = ['userPrincipalName', 'mail', 'displayName', 'givenName', 'surname'] as const;

/**
 * Of a user as Graph gives it.
 * @param userName as it is to be in Maptician
 * @param hidden properties by which nobody is found
 */
export function searchText(
  user: Readonly<Record<string, unknown>>,
  userName: string | null,
  hidden: ReadonlySet<string>,
): string {
  const shown = properties.filter((property) => !hidden.has(property));
  const parts = [userName, ...shown.map((property) => user[property])];
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

/** What `folded` does, in SQL, for the accents of Latin, Greek and Cyrillic; where the database is not UTF-8 only the case. */
const foldedName = `case when getdatabaseencoding() = 'UTF8'
  then lower(regexp_replace(normalize(u.user_name, NFKD), '[\\u0300-\\u036f]', '', 'g')) else lower(u.user_name) end`;

/** In SQL; until a service has filled it, rows from before there was such a column are found by their names alone. */
export const searchOfUser = `coalesce(u.search, ${foldedName}, '')`;
