/** Signing in with a token, sessions, and how often one may fail. */
import { expect, test } from 'vitest';
import { localPath } from '../../src/console/access/local-path.ts';
import { passTime } from '../support/pass-time.ts';
import { openConsoleWorld, showConsole, textOf } from './console-world.ts';
import { bearer, cookiesOf, operatorToken, readerToken, signIn, tokenSettings } from './sign-in-with-token.ts';

const wrong = 'a-wrong-token-of-the-right-length-0123456';
const openWithTokens = () => openConsoleWorld(0, { settings: tokenSettings });

/** Who the console says is signed in; undefined where it asks to sign in. */
async function viewerOf(
  console: Awaited<ReturnType<typeof openWithTokens>>['console'],
  headers: Record<string, string>,
) {
  const html = await (await console.fetch('/no-such-page', { headers })).text();
  return /<div class="who"><span>(.*?) <small>(.*?)<\/small>/.exec(html)?.slice(1).join(', as ');
}

test('a token signs in, a session lasts until one signs out, and the audit has who and how', async () => {
  const { console, world } = await openWithTokens();
  const asked = await console.fetch('/users/7?tab=history');
  expect(asked.headers.get('location')).toBe('/sign-in?to=%2Fusers%2F7%3Ftab%3Dhistory');
  const form = await (await console.fetch(asked.headers.get('location') ?? '')).text();
  expect(form).toContain('name="to" value="/users/7?tab=history"');
  expect(form).not.toContain('Microsoft Entra');

  const answer = await console.post('/sign-in', { token: readerToken, to: '/users/7?tab=history' });
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe('/users/7?tab=history');
  expect(answer.headers.get('set-cookie')).toMatch(
    /^maptician-sync=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  const session = { Cookie: cookiesOf(answer) };
  expect(await viewerOf(console, session)).toBe('reader token, as reader');
  expect((await console.fetch('/sign-in', { headers: session })).headers.get('location')).toBe('/');
  expect(await viewerOf(console, bearer(operatorToken))).toBe('operator token, as operator');

  const left = await console.post('/sign-out', {}, { headers: session });
  expect(left.headers.get('location')).toBe('/sign-in?done=signed-out');
  expect(await viewerOf(console, session)).toBeUndefined();
  const { rows } = await world.pool.query('select actor, action, detail from maptician_sync.audit');
  expect(rows).toEqual([
    { actor: 'reader token (console)', action: 'sign-in', detail: { how: 'token', role: 'reader' } },
  ]);
  const stored = await world.pool.query('select sessions::text as row from maptician_sync.sessions');
  expect(stored.rows).toEqual([]);
});

test('a session ends after an hour without a request, after eight in any case, and with its token', async () => {
  const { console, world } = await openWithTokens();
  const idle = await signIn(console, readerToken);
  const busy = await signIn(console, operatorToken);
  for (let half = 0; half < 3; half++) {
    await passTime(world.pool, '30 minutes');
    expect(await viewerOf(console, busy)).toBe('operator token, as operator');
  }
  expect(await viewerOf(console, idle)).toBeUndefined();
  for (let half = 0; half < 13; half++) {
    await passTime(world.pool, '30 minutes');
    await viewerOf(console, busy);
  }
  expect(await viewerOf(console, busy)).toBeUndefined();

  // Ended rows go with the next sign-in.
  const kept = await signIn(console, operatorToken);
  const { rows } = await world.pool.query('select name from maptician_sync.sessions');
  expect(rows).toEqual([{ name: 'operator token' }]);
  await world.restart({ CONSOLE_OPERATOR_TOKEN: 'another-operator-token-0123456789abcdef' });
  expect(await viewerOf(await showConsole(world), kept)).toBeUndefined();
});

test('replicas share sessions', async () => {
  const { console, world } = await openWithTokens();
  const session = await signIn(console, readerToken);
  expect(await viewerOf(await showConsole(world), session)).toBe('reader token, as reader');
});

test('a wrong token is refused, slowed down after ten, and in no log', async () => {
  const { console, world } = await openWithTokens();
  const refused = await console.post('/sign-in', { token: wrong });
  expect(refused.status).toBe(401);
  expect(refused.headers.getSetCookie()).toEqual([]);
  const page = await refused.text();
  expect(textOf(page)).toContain('That is none of the tokens.');
  expect(page).not.toContain(wrong);
  const api = await console.fetch('/api/x', { headers: bearer(wrong) });
  expect(api.status).toBe(401);
  expect(api.headers.get('www-authenticate')).toBe('Bearer realm="maptician-sync", error="invalid_token"');
  expect(await api.json()).toEqual({
    error: { code: 'Unauthorized', message: 'The bearer token is not accepted: it is unknown.' },
  });

  const statuses: number[] = [];
  const guess = async (token: string) => {
    const answer = await console.fetch('/api/x', { headers: bearer(token) });
    statuses.push(answer.status);
    return answer;
  };
  for (let more = 0; more < 10; more++) await guess(`${wrong}${more}`);
  const slowed = await guess(wrong);
  expect(statuses).toEqual([...Array(8).fill(401), 429, 429, 429]);
  expect(Number(slowed.headers.get('retry-after'))).toBeGreaterThan(50);
  const later = await console.post('/sign-in', { token: wrong });
  expect([later.status, textOf(await later.text())]).toEqual([429, expect.stringMatching(/Try again in \d+ seconds/)]);
  // Whoever has the right one is not kept out by those who have not, though they come from one address.
  expect((await guess(operatorToken)).status).toBe(404);
  await signIn(console, readerToken);

  const { rows } = await world.pool.query(
    "select actor, detail from maptician_sync.audit where action = 'sign-in refused'",
  );
  expect(rows[0]).toEqual({ actor: 'somebody at 127.0.0.1 (console)', detail: { how: 'token' } });
  expect(rows.length).toBeLessThanOrEqual(12);
  expect(JSON.stringify([rows, world.log])).not.toMatch(/-token-of-/);
});

test('scripts that send the right token are not slowed down by how many they are', async () => {
  const { console } = await openWithTokens();
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => console.fetch('/api/x', { headers: bearer(readerToken) })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
});

test('a body that is too large, or not what it says, is refused', async () => {
  const { console } = await openWithTokens();
  // A connection of its own for each: one whose body was not read to its end is closed.
  const send = (type: string, body: string | ReadableStream) => {
    const headers = { ...bearer(operatorToken), 'Content-Type': type, Connection: 'close' };
    return console.fetch('/api/x', { method: 'POST', body, headers, duplex: 'half' } as RequestInit).then(
      ({ status }) => status,
      () => 'cut off',
    );
  };
  expect(await send('application/json', '{"half":')).toBe(400);
  expect(await send('multipart/form-data; boundary=x', 'nonsense')).toBe(400);
  expect(await send('multipart/form-data', 'nonsense')).toBe(400);
  expect(await send('application/json', '{}')).toBe(404);
  expect(await send('application/json', '')).toBe(404);
  const tooMuch = [413, 'cut off'];
  expect(tooMuch).toContain(await send('application/json', `"${'x'.repeat(2 ** 20)}"`));
  const endless = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(64 * 1024)) });
  expect(tooMuch).toContain(await send('application/octet-stream', endless));
  expect(await send('application/json', `"${'x'.repeat(2 ** 19)}"`)).toBe(404);
});

test('a form of too many fields is refused before it is read, and of strangers one that is not small', async () => {
  const { console } = await openWithTokens();
  const form = 'application/x-www-form-urlencoded';
  const send = async (path: string, type: string, body: string) => {
    const headers = { ...bearer(operatorToken), 'Content-Type': type, Origin: console.url, Connection: 'close' };
    const answer = await console.fetch(path, { method: 'POST', body, headers });
    return [answer.status, textOf(await answer.text())];
  };
  const refused = (what: string) => [413, expect.stringContaining(what)];
  const parts = (count: number) =>
    `${'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'.repeat(count)}--x--\r\n`;
  const started = performance.now();
  expect(await send('/sign-in', form, `token=${wrong}&to=/`.padEnd(16 * 1024 + 1, 'x'))).toEqual(refused('16 KiB'));
  expect(await send('/sign-in', form, 'a&'.repeat(16))).toEqual(refused('16 fields'));
  expect(await send('/users/search', form, 'a&'.repeat(2 ** 19))).toEqual(refused('2000 fields'));
  expect(await send('/users/search', 'multipart/form-data; boundary="x"', parts(2001))).toEqual(refused('2000 fields'));
  expect(performance.now() - started).toBeLessThan(2_000);

  expect((await send('/sign-in', form, `token=${wrong}${'&a=1'.repeat(15)}`))[0]).toBe(401);
  expect((await send('/users/search', form, `search=x${'&a=1'.repeat(1999)}`))[0]).toBe(200);
  expect((await send('/users/search', 'multipart/form-data; boundary=x', parts(2000)))[0]).toBe(303);
});

test.each([
  [undefined, '/'],
  ['/users/7?tab=history', '/users/7?tab=history'],
  ['https://elsewhere.example/', '/'],
  ['//elsewhere.example/', '/'],
  ['/\\elsewhere.example/', '/'],
  ['/users\\..\\', '/'],
  ['/\t/elsewhere.example', '/'],
  ['/./\n/elsewhere.example', '/'],
  ['/.//elsewhere.example', '/'],
  ['/a/..//elsewhere.example', '/'],
  ['javascript:alert(1)', '/'],
  ['users', '/'],
  ['/sign-in?to=/sign-in', '/'],
  ['/sign-out', '/'],
  ['/users/../sign-out', '/'],
])('after signing in, %j leads to %j', (given, expected) => {
  expect(localPath(given)).toBe(expected);
});
