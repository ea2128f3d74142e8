/** Finds users in Maptician: by userName, by id, and whoever stands in a new user's way. */
import { SyncError } from '../../errors.ts';
import type { AttributePath } from '../../mapping/maptician-user.ts';
import { sameName } from '../../plan/names.ts';
import type { CreateRequest, LookUp, StoredUser } from '../user-store.ts';
import { type AccountListing, readPage } from './account-listing.ts';
import { equals, inGroups, isRefusal, isSuccess, pathOf } from './answers.ts';
import type { ScimProfile } from './profile.ts';
import type { ScimClient } from './scim-client.ts';
import { refusalOf } from './scim-error.ts';
import { readList, readUser } from './user-resource.ts';

/** So many accounts that are not in the listing are asked for before the ids are taken for another user store's. */
const sample = 10;
/** So many answers with others than were asked for, and filters are taken to be passed over. */
const oddAnswersAtMost = 2;

export function createLookUps(client: ScimClient, listing: AccountListing, profile: ScimProfile | undefined) {
  let filterIgnored = profile?.filter === 'ignored';
  let oddAnswers = 0;
  let listed: Promise<unknown> | undefined;

  /** Where the list is there, a filter that is "not found" found nobody; else the Tenant URL is wrong. Asked once. */
  const expectList = async () => {
    listed ??= readPage(client, 1, 1);
    try {
      await listed;
    } catch (thrown) {
      listed = undefined;
      throw thrown;
    }
  };

  /** Undefined where the server cannot be asked so: it passes filters over, or does not understand this one. */
  const filter = async (userName: string): Promise<StoredUser[] | undefined> => {
    if (filterIgnored) return undefined;
    const answer = await client.request('GET', '/Users', { query: { filter: equals('userName', userName) } });
    if (answer.status === 404) {
      await expectList();
      return [];
    }
    if (!isSuccess(answer)) return undefined;
    const { users } = readList(answer.body);
    const found = users.filter(({ attributes }) => sameName(String(attributes.userName ?? ''), userName));
    if (users.length === found.length) return found;
    oddAnswers += 1;
    filterIgnored = oddAnswers >= oddAnswersAtMost;
    return undefined;
  };

  const readOne = async (id: string): Promise<StoredUser[]> => {
    if (id === '') return [];
    const answer = await client.request('GET', pathOf(id));
    if (answer.status === 404) return [];
    if (!isSuccess(answer)) throw refusalOf(answer);
    return [readUser(answer.body)];
  };

  const match = async (
    attribute: AttributePath,
    given: readonly string[],
    lookUp?: LookUp,
  ): Promise<Map<string, StoredUser[]>> => {
    const values = [...new Set(given)];
    const listed = lookUp?.fresh === false ? await listing.byValue(lookUp.cycleId, attribute, values) : undefined;
    if (listed !== undefined) return listed;
    // Only userName can be searched for in Maptician; asked for another attribute, some servers find nobody and do not say
    // that they cannot look.
    const asked = attribute === 'userName' ? values : [];
    const filtered = await inGroups(asked, async (value) => [value, await filter(value)] as const);
    const found = new Map(filtered.flatMap(([value, users]) => (users === undefined ? [] : [[value, users] as const])));
    const others = values.filter((value) => !found.has(value));
    if (others.length === 0) return found;
    const cycleId = lookUp?.cycleId ?? 0;
    await listing.take(cycleId, { again: lookUp?.fresh !== false });
    return new Map([...found, ...((await listing.byValue(cycleId, attribute, others)) ?? unlisted(attribute))]);
  };

  const read = async (ids: readonly string[], lookUp?: LookUp): Promise<StoredUser[]> => {
    const listed = lookUp?.fresh === false ? await listing.byId(lookUp.cycleId, ids) : undefined;
    if (listed === undefined) return (await inGroups([...new Set(ids)], readOne)).flat();
    // Pages move while they are read, so whoever is missing is asked for; where nobody is found at all, the ids are as a
    // rule those of another user store.
    const seen = new Set(listed.map(({ id }) => id));
    const missing = ids.filter((id) => !seen.has(id));
    const first = (await inGroups(missing.slice(0, sample), readOne)).flat();
    if (seen.size === 0 && first.length === 0) return [];
    return [...listed, ...first, ...(await inGroups(missing.slice(sample), readOne)).flat()];
  };

  /** False also where the server refuses to list, which is no reason to try the refused user again and again. */
  const listAll = async (lookUp: LookUp | undefined): Promise<boolean> => {
    try {
      return await listing.take(lookUp?.cycleId ?? 0, { again: lookUp?.fresh !== false });
    } catch (thrown) {
      if (isRefusal(thrown)) return false;
      throw thrown;
    }
  };

  /**
   * Whose value a new user was refused for: by userName once more, then, since e-mail addresses cannot be searched for in
   * Maptician, in the listing of all.
   */
  const holders = async ({ attributes }: CreateRequest, refused: SyncError, lookUp: LookUp | undefined) => {
    const userName = String(attributes.userName ?? '');
    const named = (await filter(userName)) ?? [];
    if (named.length > 0) return { holders: named };
    const complete = await listAll(lookUp);
    const email = attributes['emails[type eq "work"].value'];
    const found = await listing.byUserNameOrEmail(userName, typeof email === 'string' ? email : '');
    if (found.length > 0) return { holders: found };
    const where = complete
      ? 'neither its filter nor its list of all users shows one'
      : 'its filter shows none, and its list of all users cannot be read to its end';
    return {
      error: new SyncError(
        'Conflict',
        `Maptician refuses the new account because another has its userName or e-mail, but ${where}`,
        { detail: refused.detail, httpStatus: refused.httpStatus ?? 409 },
      ),
    };
  };
  return { match, read, holders };
}

function unlisted(attribute: AttributePath): never {
  throw new SyncError(
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
    `Maptician can neither filter users by ${attribute} nor list all of them, so nobody can be found`,
  );
}
