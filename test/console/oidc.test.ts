/** Signing in with Entra, at a real OpenID provider over TLS; and its access tokens, as scripts send them. */
import { expect, test } from 'vitest';
import { openConsoleWorld, type ShownConsole, textOf } from './console-world.ts';
import { startEntra } from './entra-authority.ts';
import { bearer, cookiesOf, operatorToken, signIn, tokenSettings } from './sign-in-with-token.ts';

const alice = { oid: '11111111-aaaa-4bbb-8ccc-000000000001', preferred_username: 'alice@example.com', name: 'Alice' };

async function openWithEntra(settings: Record<string, string> = {}) {
  const authority = await startEntra();
  const opened = await openConsoleWorld(0, { settings: { ...authority.settings, ...settings } });
  authority.serve(opened.console.url);
  return { ...opened, authority, browser: openBrowser(opened.console) };
}

/** Somebody's browser, as far as redirects and cookies go. */
function openBrowser(console: ShownConsole) {
  const cookies = new Map<string, string>();
  const visited: string[] = [];
  const ask = async (url: URL): Promise<Response> => {
    const own = [...cookies].filter(([name]) => name.startsWith(`${url.origin} `));
    const header = own.map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: header === '' ? {} : { Cookie: header } });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = cookie.split(';', 1)[0]?.split(/=(.*)/s) ?? [];
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(cookie)) cookies.delete(`${url.origin} ${name}`);
      else cookies.set(`${url.origin} ${name}`, value);
    }
    return answer;
  };
  return {
    cookies,
    visited,
    /** Goes where it is sent, but not to where `until` says; resolves with the last answer. */
    async open(path: string, until: (url: URL) => boolean = () => false): Promise<Response> {
      let url = new URL(path, console.url);
      for (let step = 0; step < 12; step++) {
        visited.push(url.href);
        const answer = await ask(url);
        const next = answer.headers.get('location');
        if (next === null) return answer;
        url = new URL(next, url);
        if (until(url)) return answer;
        await answer.body?.cancel();
      }
      throw new Error('It was sent on and on.');
    },
    last: () => new URL(visited.at(-1) ?? ''),
  };
}

const atCallback = (url: URL) => url.pathname === '/sign-in/callback';
const who = (html: string) => /<div class="who"><span>(.*?) <small>(.*?)<\/small>/.exec(html)?.slice(1).join(', as ');

test.each([
  [['reader'], 'reader', 403],
  [['operator'], 'operator', 404],
  [['reader', 'operator', 'another'], 'operator', 404],
])('whoever has the app roles %j is a %s', async (roles, role, lever) => {
  const { browser, authority, console, world } = await openWithEntra();
  authority.person = { ...alice, roles };
  const form = await (await browser.open('/users/7?tab=history')).text();
  expect(browser.last().search).toBe('?to=%2Fusers%2F7%3Ftab%3Dhistory');
  const href = /class="button primary" href="(.*?)"/.exec(form)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const page = await browser.open(href);
  expect(browser.last().href).toBe(`${console.url}/users/7?tab=history`);
  expect(who(await page.text())).toBe(`alice@example.com, as ${role}`);

  const session = [...browser.cookies].filter(([name]) => name.startsWith(console.url));
  expect(session.map(([name]) => name.split(' ')[1])).toEqual(['maptician-sync']);
  const Cookie = `maptician-sync=${session[0]?.[1]}`;
  const answer = await console.post('/api/no-such', {}, { headers: { Cookie } });
  expect(answer.status).toBe(lever);
  const { rows } = await world.pool.query('select actor, action, detail from maptician_sync.audit');
  expect(rows).toEqual([{ actor: 'alice@example.com (console)', action: 'sign-in', detail: { how: 'entra', role } }]);
  // Neither names nor codes.
  expect(world.log.join('')).not.toMatch(/alice|code=/i);
});

test('a tenant may be named by its domain, and another one’s people do not get in', async () => {
  const { browser, authority } = await openWithEntra({ AZURE_TENANT_ID: 'contoso.example' });
  authority.person = { ...alice, roles: ['reader'] };
  await browser.open('/sign-in/entra');
  expect(browser.last().pathname).toBe('/');
  const other = await openWithEntra({ AZURE_TENANT_ID: '00000000-0000-4000-8000-000000000000' });
  other.authority.answersFor = '00000000-0000-4000-8000-000000000000';
  await other.browser.open('/sign-in/entra');
  expect(other.browser.last().search).toBe('?problem=invalid');
});

test('whoever has neither role is told what to assign, and may sign in as somebody else', async () => {
  const { browser, authority, world } = await openWithEntra();
  authority.person = { ...alice, roles: ['Operator', 'msiam_access'] };
  const page = await (await browser.open('/sign-in/entra')).text();
  expect(textOf(page)).toContain('you have neither of the app roles "reader" and "operator"');
  expect(page).toContain('/sign-in/entra?choose=1');
  expect(browser.last().href).not.toMatch(/alice|code/);
  const again = await browser.open('/sign-in/entra?choose=1', ({ pathname }) => pathname.endsWith('/auth'));
  expect(again.headers.get('location')).toContain('prompt=select_account');
  const { rows } = await world.pool.query('select actor, action from maptician_sync.audit');
  expect(rows).toEqual([{ actor: 'alice@example.com (console)', action: 'sign-in refused' }]);
});

test('an answer that is not of what this browser began, or was used, signs nobody in', async () => {
  const { console, authority, ...opened } = await openWithEntra();
  authority.person = { ...alice, roles: ['operator'] };
  const problemOf = (answer: Response) => answer.headers.get('location');
  const { browser } = opened;
  const begun = await browser.open('/sign-in/entra', atCallback);
  const callback = new URL(begun.headers.get('location') ?? '');

  // Another browser, such as one that was sent this link.
  expect(problemOf(await console.fetch(`${callback.pathname}${callback.search}`))).toBe('/sign-in?problem=restart');
  const stranger = openBrowser(console);
  await stranger.open('/sign-in/entra', atCallback);
  const page = await (await stranger.open(callback.href)).text();
  expect(textOf(page)).toContain('was begun elsewhere, was used already');
  expect(stranger.cookies.has(`${console.url} maptician-sync`)).toBe(false);

  // The very same once more, with the cookie that went with it.
  const flow = browser.cookies.get(`${console.url} maptician-sync-sign-in`);
  expect((await browser.open(callback.href, ({ pathname }) => pathname === '/')).status).toBe(303);
  expect(browser.cookies.has(`${console.url} maptician-sync`)).toBe(true);
  const replayed = await console.fetch(`${callback.pathname}${callback.search}`, {
    headers: { Cookie: `maptician-sync-sign-in=${flow}` },
  });
  expect(problemOf(replayed)).toBe('/sign-in?problem=restart');
  expect(cookiesOf(replayed)).not.toContain('maptician-sync=');

  const refused = openBrowser(console);
  const start = await refused.open('/sign-in/entra', ({ pathname }) => pathname.endsWith('/auth'));
  const state = new URL(start.headers.get('location') ?? '').searchParams.get('state');
  const query = new URLSearchParams({
    error: 'access_denied',
    error_description: 'AADSTS65004: alice',
    state: state ?? '',
  });
  query.set('iss', `${authority.origin}/${authority.tenant}/v2.0`);
  await refused.open(`/sign-in/callback?${query}`);
  expect(refused.last().search).toBe('?problem=refused');
  expect(opened.world.log.join('')).toContain('access_denied (AADSTS65004)');
  expect(opened.world.log.join('')).not.toContain('alice');
});

test('wrong tokens keep nobody from signing in with Entra, and codes that somebody made up are slowed down', async () => {
  const { console, authority, browser } = await openWithEntra(tokenSettings);
  authority.person = { ...alice, roles: ['reader'] };
  for (let more = 0; more < 11; more++) await console.post('/sign-in', { token: 'wrong' });
  expect((await console.post('/sign-in', { token: 'wrong' })).status).toBe(429);
  await browser.open('/sign-in/entra?to=/held');
  expect(browser.last().pathname).toBe('/held');

  const guess = async (change: (answer: URLSearchParams) => void) => {
    const guesser = openBrowser(console);
    const begun = await guesser.open('/sign-in/entra', atCallback);
    const { pathname, searchParams } = new URL(begun.headers.get('location') ?? '');
    change(searchParams);
    const answer = await guesser.open(`${pathname}?${searchParams}`, (url) => url.pathname === '/sign-in');
    await answer.body?.cancel();
    return answer.status;
  };
  // The authority is not asked for what does not belong to the sign-in.
  for (let more = 0; more < 11; more++) expect(await guess((answer) => answer.set('state', 'another'))).toBe(303);
  for (let more = 0; more < 10; more++) expect(await guess((answer) => answer.set('code', 'made-up'))).toBe(303);
  expect(await guess(() => undefined)).toBe(429);
  await signIn(console, operatorToken);
});

test('an id token that is not for this sign-in, or not of the authority, signs nobody in', async () => {
  const { console, authority, browser } = await openWithEntra();
  authority.person = { ...alice, roles: ['operator'] };
  const wrong: Record<string, Parameters<typeof authority.sign>[0]> = {
    nonce: { nonce: 'of another sign-in' },
    audience: { aud: 'another application' },
    issuer: { iss: `${authority.origin}/00000000-0000-4000-8000-000000000000/v2.0` },
    expired: { exp: 1_700_000_000 },
  };
  for (const [what, claims] of Object.entries(wrong)) {
    authority.tamper = (issued) => authority.sign({ ...issued, ...claims });
    await browser.open('/sign-in/entra');
    expect([what, browser.last().search]).toEqual([what, '?problem=invalid']);
  }
  const forged = {
    'no signature': (claims: object) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
    'no key of the authority’s': (claims: object) => `${encode({ alg: 'RS256', kid: 'other' })}.${encode(claims)}.AAAA`,
    'a changed role': (claims: object) => `${encode({ alg: 'RS256', kid: 'test' })}.${encode(claims)}.AAAA`,
  };
  for (const [what, token] of Object.entries(forged)) {
    authority.tamper = async (issued) => token(issued);
    await browser.open('/sign-in/entra');
    expect([what, browser.last().search]).toEqual([what, '?problem=invalid']);
  }
  authority.tamper = undefined;
  expect(browser.cookies.has(`${console.url} maptician-sync`)).toBe(false);
  await browser.open('/sign-in/entra');
  expect(browser.last().pathname).toBe('/');
});

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

test('while the authority is down the page says so and a token works, and it is asked again', async () => {
  const { console, authority, browser } = await openWithEntra(tokenSettings);
  authority.down = true;
  const page = textOf(await (await browser.open('/sign-in/entra?to=/held')).text());
  expect(page).toContain('does not answer the service. Try again in a moment; a token still works.');
  await signIn(console, operatorToken);
  const api = await console.fetch('/api/no-such', { headers: bearer(await authority.accessToken()) });
  expect(api.status).toBe(503);
  authority.down = false;
  authority.person = { ...alice, roles: ['reader'] };
  await browser.open('/sign-in/entra?to=/held');
  expect(browser.last().pathname).toBe('/held');
});

test('a client secret that the authority refuses is named', async () => {
  const { browser } = await openWithEntra({ CONSOLE_CLIENT_SECRET: 'another one' });
  const page = textOf(await (await browser.open('/sign-in/entra')).text());
  expect(page).toContain('Renew CONSOLE_CLIENT_SECRET');
});

test('scripts sign in with access tokens of the tenant, for this console and with a role', async () => {
  const { console, authority, world } = await openWithEntra(tokenSettings);
  const { clientId, formerIssuer } = authority;
  const statusOf = async (token: string, method = 'GET') => {
    const answer = await console.fetch('/api/no-such', { method, headers: bearer(token) });
    const body = (await answer.json()) as { error: { message: string } };
    return [answer.status, body.error.message];
  };
  const found = [404, expect.any(String)];
  const script = { roles: ['operator'] };
  expect(await statusOf(await authority.accessToken(script), 'POST')).toEqual(found);
  expect(await statusOf(await authority.accessToken({ ...script, aud: `api://${clientId}` }), 'POST')).toEqual(found);
  const former = { ...script, iss: formerIssuer, aud: `api://${clientId}`, azp: undefined, appid: 'a-script' };
  expect(await statusOf(await authority.accessToken(former), 'POST')).toEqual(found);
  const reader = await authority.accessToken({ roles: ['reader'], upn: 'alice@example.com' });
  expect(await statusOf(reader)).toEqual(found);
  expect(await statusOf(reader, 'POST')).toEqual([
    403,
    expect.stringContaining('alice@example.com has the role reader'),
  ]);
  expect(await statusOf(await authority.accessToken())).toEqual([
    403,
    expect.stringContaining('neither of the app roles'),
  ]);

  const refused: [string, string][] = [
    [await authority.accessToken({ ...script, aud: '00000003-0000-0000-c000-000000000000' }), 'not for this console'],
    [await authority.accessToken({ ...script, exp: 1_700_000_000 }), 'expired'],
    [await authority.accessToken({ ...script, iss: `${authority.origin}/another/v2.0` }), 'another tenant'],
    [await authority.accessToken({ ...script, azp: undefined, nonce: 'of a sign-in' }), 'not an access token'],
    [await authority.accessToken({ ...script, exp: undefined }), 'exp'],
    [
      `${encode({ alg: 'none' })}.${encode({ iss: formerIssuer, aud: clientId, azp: 'x', roles: ['operator'] })}.`,
      'signature',
    ],
    [(await authority.accessToken(script)).replace(/\.[^.]*$/, '.AAAA'), 'signature'],
    ['not.a.jwt', 'signature'],
  ];
  for (const [token, reason] of refused) {
    expect(await statusOf(token)).toEqual([401, expect.stringContaining(reason)]);
  }
  // Wrong ones are slowed down; what the authority has signed cannot have been guessed.
  for (let more = 0; more < 4; more++) await statusOf('not.a.jwt');
  expect((await statusOf('not.a.jwt'))[0]).toBe(429);
  expect(await statusOf(await authority.accessToken(script))).toEqual(found);
  expect(world.log.join('')).not.toMatch(/eyJ/);
});
