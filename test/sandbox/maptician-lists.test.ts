import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openScim, type TestScim } from './maptician-support.ts';

let scim: TestScim;
beforeEach(async () => {
  scim = await openScim();
});
afterEach(() => scim[Symbol.asyncDispose]());

const fill = (count: number): void => {
  for (let n = 1; n <= count; n++) scim.maptician.create({ userName: `u${n}` });
};
const page = async (query: string): Promise<[total: unknown, start: unknown, names: unknown]> => {
  const { body } = await scim.get(`/Users${query}`);
  const names = body?.Resources?.map(({ userName }) => userName);
  expect(body?.itemsPerPage).toBe(names?.length);
  return [body?.totalResults, body?.startIndex, names];
};

describe('a list', () => {
  it('comes in pages, counted from 1', async () => {
    fill(5);
    expect(await page('?startIndex=3&count=2')).toEqual([5, 3, ['u3', 'u4']]);
    expect(await page('?startIndex=5&count=2')).toEqual([5, 5, ['u5']]);
    expect(await page('?startIndex=6&count=2')).toEqual([5, 6, []]);
    expect(await page('?startIndex=-1&count=1')).toEqual([5, 1, ['u1']]);
    expect(await page('?count=0')).toEqual([5, 1, []]);
    expect(await page('?count=-3')).toEqual([5, 1, []]);
    expect((await scim.get('/Users?startIndex=two')).status).toBe(400);
  });

  it('has no more than the page limit, asked for or not', async () => {
    fill(5);
    scim.maptician.behaviour.pageLimit = 2;
    expect(await page('')).toEqual([5, 1, ['u1', 'u2']]);
    expect(await page('?startIndex=2&count=100')).toEqual([5, 2, ['u2', 'u3']]);
  });

  it('closes the gap of a deleted account', async () => {
    fill(4);
    scim.maptician.delete('u2');
    scim.maptician.create({ userName: 'u5' });
    expect(await page('?startIndex=2')).toEqual([4, 2, ['u3', 'u4', 'u5']]);
    scim.maptician.clear();
    expect(await page('')).toEqual([0, 1, []]);
  });

  it('can repeat the first page, always or past the end, and tell a wrong total', async () => {
    fill(3);
    const { behaviour } = scim.maptician;
    behaviour.pageLimit = 2;
    behaviour.repeatsFirstPagePastTheEnd = true;
    expect(await page('?startIndex=3')).toEqual([3, 3, ['u3']]);
    expect(await page('?startIndex=4')).toEqual([3, 1, ['u1', 'u2']]);
    behaviour.repeatsFirstPage = true;
    expect(await page('?startIndex=3')).toEqual([3, 1, ['u1', 'u2']]);
    behaviour.wrongTotal = 7;
    expect((await page(''))[0]).toBe(10);
    behaviour.wrongTotal = -7;
    expect((await page(''))[0]).toBe(0);
  });

  it('of 100,000 accounts pages as fast at its end as at its beginning', async () => {
    fill(100_000);
    const start = performance.now();
    for (let n = 0; n < 50; n++) {
      const [total, , names] = await page(`?startIndex=${100_000 - n}&count=1`);
      expect([total, names]).toEqual([100_000, [`u${100_000 - n}`]]);
    }
    // A sort or a copy of all accounts a request would take tens of milliseconds each.
    expect((performance.now() - start) / 50).toBeLessThan(20);
    for (let n = 1; n <= 100_000; n += 100) scim.maptician.delete(`u${n}`);
    expect((await page('?startIndex=99000&count=1')).slice(0, 1)).toEqual([99_000]);
    expect((await scim.filter('userName eq "U99999"')).body?.totalResults).toBe(1);
  });
});

describe('a filter', () => {
  it.each([
    'plain@example.com',
    'O"Brien "the" map',
    'back\\slash\\\\two\\"',
    'a+b@example.com',
    'a#b&c=d?e%20f/g;h',
    'Ünïcode-名前-🗺️',
    "o'brien",
    'ends with \\',
    'a) or userName eq "x',
    'new\nline\ttab',
    ' spaces ',
  ])('finds the userName %j and no other', async (userName) => {
    scim.maptician.create({ userName });
    scim.maptician.create({ userName: 'another' });
    const { status, body } = await scim.filter(`userName eq ${JSON.stringify(userName)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ totalResults: 1, startIndex: 1, itemsPerPage: 1, Resources: [{ userName }] });
  });

  it('does not find what merely looks alike', async () => {
    scim.maptician.create({ userName: 'a b' });
    // A plus sign that was not percent-encoded is a space, and the rest after # is never sent.
    expect((await scim.get('/Users?filter=userName+eq+"a+b"')).body?.totalResults).toBe(1);
    expect((await scim.filter('userName eq "a+b"')).body?.totalResults).toBe(0);
    expect((await scim.get('/Users?filter=userName eq "a#b"')).status).toBe(400);
  });

  it('compares without regard to case, of words and prefix too', async () => {
    scim.maptician.create({ userName: 'Ada@Example.com' });
    for (const filter of [
      'userName eq "ada@example.com"',
      'USERNAME EQ "ADA@EXAMPLE.COM"',
      'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.com"',
    ]) {
      expect((await scim.filter(filter)).body?.totalResults).toBe(1);
    }
  });

  it.each([
    'externalId eq "oid-1"',
    'emails[type eq "work"].value eq "ada@example.com"',
    'emails.value eq "a"',
    'userName sw "a"',
    'userName pr',
    'userName eq "a" and active eq true',
    'not (userName eq "a")',
    'userName eq a',
    'userName eq "a',
    'userName eq "a\\x"',
    'userName eq 5',
    '',
  ])('by %j is refused', async (filter) => {
    const { status, body } = await scim.filter(filter);
    expect(status).toBe(400);
    expect(body).toMatchObject({
      status: '400',
      scimType: 'invalidFilter',
      detail: expect.stringContaining('userName'),
    });
  });

  it('can be passed over, with regard to case, or find nothing', async () => {
    scim.maptician.create({ userName: 'Ada' });
    scim.maptician.create({ userName: 'Grace' });
    const { behaviour } = scim.maptician;
    const total = async (filter: string) => (await scim.filter(filter)).body?.totalResults;
    behaviour.caseSensitiveFilter = true;
    expect([await total('userName eq "ada"'), await total('userName eq "Ada"')]).toEqual([0, 1]);
    behaviour.filterFindsNothing = true;
    expect(await total('userName eq "Ada"')).toBe(0);
    expect((await scim.post({ userName: 'ada' })).status).toBe(409);
    behaviour.ignoresFilter = true;
    expect(await total('externalId eq "nobody"')).toBe(2);
  });
});
