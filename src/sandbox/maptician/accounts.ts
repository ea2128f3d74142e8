/**
 * Maptician's accounts, in the order they were made, found by id, userName and work e-mail. Both names are unique without
 * regard to case; Maptician refuses a new account for an e-mail that exists.
 */
import { randomUUID } from 'node:crypto';
import type { AttributePath } from '../../mapping/maptician-user.ts';
import { notFound, scimError } from './scim-error.ts';

/** An absent attribute has no value. */
export type AccountAttributes = { readonly [path in AttributePath]?: string | boolean };

export interface Account {
  readonly id: string;
  /** Grows with every account made. */
  readonly number: number;
  readonly attributes: AccountAttributes;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly lastModified: number;
}

export interface Accounts {
  readonly size: number;
  /** @param start 0 for the first */
  page(start: number, count: number): readonly Account[];
  /** Throws 404 where there is none. */
  get(id: string): Account;
  /** By userName, without regard to case. */
  named(userName: string): Account | undefined;
  /** By id or userName. */
  find(idOrUserName: string): Account | undefined;
  /** Throws 409 where userName or work e-mail is another's. */
  create(attributes: AccountAttributes): Account;
  /** Replaces all attributes; throws 404 and 409. */
  update(id: string, attributes: AccountAttributes): Account;
  delete(id: string): Account;
  clear(): void;
}

const uniquePaths = [
  ['userName', 'userName'],
  ['emails[type eq "work"].value', 'e-mail address'],
] as const;

/**
 * @param options.now milliseconds since the epoch
 * @param options.uniqueEmails whether an e-mail is one account's alone
 */
export function createAccounts(options: {
  readonly now: () => number;
  readonly uniqueEmails: () => boolean;
}): Accounts {
  const { now } = options;
  const byId = new Map<string, Account>();
  const indexes = uniquePaths.map(([path, title]) => ({ path, title, ids: new Map<string, string>() }));
  // Sorted by number, so that a page is a slice and a place is found by halving.
  let list: Account[] = [];
  let lastNumber = 0;

  const keyOf = (attributes: AccountAttributes, path: AttributePath): string | undefined => {
    const value = attributes[path];
    return value === undefined || value === '' ? undefined : String(value).toLowerCase();
  };

  const checkUnique = (attributes: AccountAttributes, ownId?: string): void => {
    for (const { path, title, ids } of indexes) {
      const key = keyOf(attributes, path);
      const holder = key === undefined ? undefined : ids.get(key);
      if (holder === undefined || holder === ownId || (path !== 'userName' && !options.uniqueEmails())) continue;
      throw scimError(
        409,
        `A user with the ${title} ${JSON.stringify(attributes[path])} exists already.`,
        'uniqueness',
      );
    }
  };

  const index = (account: Account): void => {
    for (const { path, ids } of indexes) {
      const key = keyOf(account.attributes, path);
      if (key !== undefined) ids.set(key, account.id);
    }
  };
  const forget = (account: Account): void => {
    for (const { path, ids } of indexes) {
      const key = keyOf(account.attributes, path) ?? '';
      if (ids.get(key) === account.id) ids.delete(key);
    }
  };

  const placeOf = ({ number }: Account): number => {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle]?.number ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const get = (id: string): Account => {
    const account = byId.get(id);
    if (!account) throw notFound(id);
    return account;
  };

  const named = (userName: string): Account | undefined => byId.get(indexes[0]?.ids.get(userName.toLowerCase()) ?? '');

  return {
    get size() {
      return list.length;
    },
    page: (start, count) => list.slice(start, start + count),
    get,
    named,
    find: (idOrUserName) => byId.get(idOrUserName) ?? named(idOrUserName),
    create(attributes) {
      checkUnique(attributes);
      lastNumber++;
      const at = now();
      const account: Account = { id: randomUUID(), number: lastNumber, attributes, created: at, lastModified: at };
      byId.set(account.id, account);
      list.push(account);
      index(account);
      return account;
    },
    update(id, attributes) {
      const before = get(id);
      checkUnique(attributes, id);
      const account: Account = { ...before, attributes, lastModified: now() };
      forget(before);
      byId.set(id, account);
      list[placeOf(account)] = account;
      index(account);
      return account;
    },
    delete(id) {
      const account = get(id);
      forget(account);
      byId.delete(id);
      list.splice(placeOf(account), 1);
      return account;
    },
    clear() {
      byId.clear();
      for (const { ids } of indexes) ids.clear();
      list = [];
    },
  };
}
