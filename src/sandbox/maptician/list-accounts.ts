/** Lists of accounts: the one filter there is, and pages (RFC 7644 section 3.4.2). */
import type { Account, Accounts } from './accounts.ts';
import type { MapticianBehaviour } from './behaviour.ts';
import { scimError } from './scim-error.ts';
import type { UserResource } from './user-resource.ts';

const filterPattern = /^\s*(?:urn:ietf:params:scim:schemas:core:2\.0:User:)?userName\s+eq\s+("(?:[^"\\]|\\.)*")\s*$/i;

/** @param toResource how an account is answered */
export function listAccounts(
  accounts: Accounts,
  query: URLSearchParams,
  behaviour: MapticianBehaviour,
  toResource: (account: Account) => UserResource,
): object {
  const filter = query.get('filter');
  const found = filter === null || behaviour.ignoresFilter ? accounts : listOf(matching(accounts, filter, behaviour));
  if (filter !== null && found.size === 0 && behaviour.filterAnswersNotFound)
    throw scimError(404, 'No user was found.');
  const wanted = wholeNumber(query, 'startIndex') ?? 1;
  const count = Math.min(Math.max(wholeNumber(query, 'count') ?? behaviour.pageLimit, 0), behaviour.pageLimit);
  const pastTheEnd = wanted > found.size && behaviour.repeatsFirstPagePastTheEnd;
  const startIndex = behaviour.repeatsFirstPage || pastTheEnd ? 1 : Math.max(wanted, 1);
  const page = found.page(startIndex - 1, count);
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: Math.max(0, found.size + behaviour.wrongTotal),
    startIndex,
    itemsPerPage: page.length,
    Resources: page.map(toResource),
  };
}

const listOf = (list: readonly Account[]): Pick<Accounts, 'size' | 'page'> => ({
  size: list.length,
  page: (start, count) => list.slice(start, start + count),
});

/**
 * The library's filter parser ends a text at an escaped quote, so this reads the one filter that is supported itself: its
 * value is a JSON string (RFC 7644 section 3.4.2.2).
 */
function matching(accounts: Accounts, filter: string, behaviour: MapticianBehaviour): Account[] {
  const value = filterPattern.exec(filter)?.[1];
  const userName = value === undefined ? undefined : parseText(value);
  if (userName === undefined) {
    throw scimError(
      400,
      'Users can be filtered by userName only, as in: userName eq "ada@example.com".',
      'invalidFilter',
    );
  }
  const account = accounts.named(userName);
  if (!account || behaviour.filterFindsNothing) return [];
  return behaviour.caseSensitiveFilter && account.attributes.userName !== userName ? [] : [account];
}

function parseText(json: string): string | undefined {
  try {
    return String(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[-+]?\d+$/.test(text)) throw scimError(400, `${name} must be a whole number.`, 'invalidValue');
  return Number(text);
}
