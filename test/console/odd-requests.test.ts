/** Whatever stands in an address or a body, nothing breaks: what is wrong with it is answered, and no error is logged. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createApp } from '../../src/console/app.ts';
import { openConsoleWorld } from './console-world.ts';
import { bearer, operatorToken, tokenSettings } from './sign-in-with-token.ts';

/** Milliseconds for what is tried at random. */
const within = 3_000;

const guid = '00000000-0000-4000-8000-000000000001';
const numbers = ['0', '-1', '1.5', '1e400', '2147483648', '9007199254740991', '9223372036854775808', '9'.repeat(20)];
const moments = ['0000-01-01', '0000-12-31T23:59-00:01', '275760-09-14', '2026-02-31', '999999w', '9'.repeat(20)];
const filters = [
  '('.repeat(1900),
  'not '.repeat(900),
  `cycleId eq ${'9'.repeat(20)}`,
  'activityDateTime ge 0000-01-01',
  "targetIdentity/id eq '\0'",
  "sourceIdentity/displayName eq '\u{10FFFF}'",
  `${Array.from({ length: 90 }, () => `id eq ${guid}`).join(' or ')}`,
];
const words = [
  '',
  ' ',
  '7',
  guid,
  guid.toUpperCase(),
  guid.replace('4', 'g'),
  '{',
  "'",
  '%',
  '\0',
  'a\0b',
  '\u{1F600}',
];
const known = ['failed', 'Conflict', 'operations', 'maptician', '__proto__', 'constructor', 'x'.repeat(5000)];
/** As they may stand in a URL, whether or not that stands for anything. */
const broken = ['%E0%A4%A', '%', '%ff', '%00', '%2500', '%2F..%2f', '%ED%A0%80'];
const odd = [...numbers, ...moments, ...filters, ...words, ...known];
const written = [...odd.map(encodeURIComponent), ...broken];
const names = [
  ...['after', 'all', 'ask', 'before', 'choose', 'code', 'cycle', 'done', 'httpStatus', 'limit', 'problem', 'since'],
  ...['state', 'status', 'to', 'until', 'user', 'users', '$filter', '$orderby', '$skiptoken', '$top', 'activeQueue'],
  ...['page', 'jobsPerPage', '__proto__', 'odd'],
].map(encodeURIComponent);

async function openOddWorld() {
  const { console, world } = await openConsoleWorld(2, { settings: tokenSettings });
  await world.sync();
  const service = await world.service();
  const { signal } = new AbortController();
  const app = await createApp({ service, pool: service.database.pool, origin: 'http://x', schedule: false, signal });
  const request = async (path: string, init: RequestInit = {}) => {
    const headers = { Origin: console.url, ...bearer(operatorToken), ...init.headers };
    const answer = await console.fetch(path, { ...init, headers });
    await answer.body?.cancel();
    return answer.status;
  };
  return { world, app, request };
}

test('an odd address is answered, at every page and every resource', async () => {
  const { world, app, request } = await openOddWorld();
  const gets = app.routes.filter(({ method, path }) => (method === 'GET' || method === 'ALL') && path !== '/*');
  const pattern = fc.constantFrom(...new Set(gets.map(({ path }) => path)));
  const fill = (path: string, text: string) => path.replaceAll(/:\w+(\{.*?\}+(?=[/.]|$))?\??|\*/g, text);
  const place = fc.constantFrom('1', guid, 'provisioning-log.csv', 'operations', ...written);
  const field = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...written)).map((pair) => pair.join('='));
  const address = fc
    .tuple(pattern, place, fc.array(field, { maxLength: 3 }))
    .map(([path, text, fields]) => `${fill(path, text)}${fields.length === 0 ? '' : `?${fields.join('&')}`}`);
  const isAnswered = async (path: string) => {
    expect(await request(path), path).toBeLessThan(500);
  };

  for (const path of [
    '/log?until=0000-01-01',
    '/log?until=999999w',
    '/api/users?code=Conflict&httpStatus=2147483648',
    '/log?code=%00',
    '/users?after=%00',
    `/v1.0/auditLogs/provisioning?$filter=${'('.repeat(1900)}`,
    '/queue/board/api/queues/%E0%A4%A',
    '/users/%E0%A4%A',
    '/log?cycle=99999999999999999999',
    '/log?cycle=1&cycle=2',
  ]) {
    await isAnswered(path);
  }
  await fc.assert(fc.asyncProperty(address, isAnswered), {
    numRuns: 10_000,
    interruptAfterTimeLimit: within,
    endOnFailure: true,
  });
  expect(world.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test('a NUL is refused in whatever is sent, and an escape that stands for nothing in an address', async () => {
  const { world, request } = await openOddWorld();
  const form = (path: string, fields: Record<string, string>) =>
    request(path, { method: 'POST', body: new URLSearchParams(fields) });
  const json = (path: string, body: string) =>
    request(path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  const multipart = new FormData();
  multipart.set('name', 'a\0b');

  expect(await request('/log?code=a%00b')).toBe(400);
  expect(await request('/users/%00')).toBe(400);
  expect(await request('/users/%E0%A4%A')).toBe(400);
  expect(await form('/users/search', { search: 'a\0b' })).toBe(400);
  expect(await form('/users/search', { search: 'a\\u0000b%00' })).toBe(200);
  expect(await request('/log/search', { method: 'POST', body: multipart })).toBe(400);
  expect(await json('/api/users/search', '{"search": "a\\u0000b"}')).toBe(400);
  expect(await json('/api/users/search', '{"search": "a", "\\u0000": 1}')).toBe(400);
  // A backslash, and what comes after it.
  expect(await json('/api/users/search', '{"search": "a\\\\u0000b"}')).toBe(200);
  expect(await json('/api/failures/retry', '{"code": "Conflict", "httpStatus": 2147483648}')).toBe(400);
  expect(world.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test('odd bodies are answered wherever something is sent', async () => {
  const { world, app, request } = await openOddWorld();
  // Not those that provision, which ask Entra and Maptician each time.
  const posts = app.routes.filter(
    ({ method, path }) => method === 'POST' && !/rovision|validate|preview|sync/.test(path),
  );
  const paths = [...new Set(posts.map(({ path }) => path.replaceAll(/:\w+(\{.*?\}+(?=[/.]|$))?\??/g, '1')))];
  const bodies = ['{}', '[]', 'null', '1', '"x"', '', '[[[[[['.repeat(10_000), '{"__proto__": {"user": 1}}'];
  const types = [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data; boundary=x',
  ];
  for (const path of paths) {
    for (const body of bodies) {
      const type = types[(body.length + path.length) % types.length] ?? '';
      const init = { method: 'POST', body, headers: { 'Content-Type': type } };
      expect(await request(path, init), `${path} ${type} ${body.slice(0, 30)}`).toBeLessThan(500);
    }
  }
  expect(world.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});
