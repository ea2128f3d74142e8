import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FaultRule } from '../../src/sandbox/faults.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openScim, type TestScim } from './maptician-support.ts';

let scim: TestScim;
beforeEach(async () => {
  scim = await openScim();
});
afterEach(() => scim[Symbol.asyncDispose]());

const inject = (fault: FaultRule['fault']): number =>
  scim.sandbox.faults.inject({ method: 'POST', path: '/scim/v2/Users*', fault });
const post = (): Promise<Response> =>
  fetch(`${scim.maptician.url}/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${scim.maptician.token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({ userName: 'a' }),
  });

it.each([
  [{ kind: 'status', status: 429, retryAfter: 2.5 }, 429, '2.5'],
  [{ kind: 'status', status: 429, retryAfter: 3 }, 429, '3'],
  [{ kind: 'status', status: 503, retryAfter: { date: 60 } }, 503, expect.stringMatching(/ GMT$/)],
  [{ kind: 'status', status: 500 }, 500, null],
  [{ kind: 'status', status: 401 }, 401, null],
] as const)('%j is answered as a SCIM error and nothing is carried out', async (fault, status, retryAfter) => {
  inject(fault);
  const response = await post();
  expect([response.status, response.headers.get('retry-after')]).toEqual([status, retryAfter]);
  expect(response.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  expect(await response.json()).toMatchObject({ status: String(status), detail: 'An error was injected.' });
  expect(scim.maptician.size).toBe(0);
  expect((await post()).status).toBe(201);
});

it('a status can have a scimType and a detail of its own', async () => {
  inject({ kind: 'status', status: 400, code: 'tooMany', message: 'Too much.' });
  expect(await (await post()).json()).toMatchObject({ scimType: 'tooMany', detail: 'Too much.' });
});

it('a page of HTML comes instead of carrying anything out', async () => {
  inject({ kind: 'html' });
  const response = await post();
  expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html']);
  expect(scim.maptician.size).toBe(0);
});

it.each([
  ['reset', 0],
  ['lost', 1],
  ['cut', 1],
] as const)('%s closes the connection, with %d accounts made', async (kind, made) => {
  inject({ kind });
  await expect(post().then((response) => response.text())).rejects.toThrow();
  expect(scim.maptician.size).toBe(made);
});

it('truncated ends the JSON half-way of what was carried out', async () => {
  inject({ kind: 'truncated' });
  const text = await (await post()).text();
  expect(() => JSON.parse(text)).toThrow(SyntaxError);
  expect(scim.maptician.size).toBe(1);
});

it.each(['slow', 'stall'] as const)('%s takes its time', async (kind) => {
  inject({ kind, milliseconds: 100 });
  const start = performance.now();
  expect(await (await post()).json()).toMatchObject({ userName: 'a' });
  expect(performance.now() - start).toBeGreaterThan(90);
});

it.each([
  ['before', [1, 1]],
  ['after', [0, 1]],
] as const)('a stall carries out %s the pause, whether the client waits or not', async (carriedOut, made) => {
  inject({ kind: 'stall', milliseconds: 200, carriedOut });
  const abort = new AbortController();
  const answer = fetch(`${scim.maptician.url}/Users`, {
    method: 'POST',
    signal: abort.signal,
    headers: { authorization: `Bearer ${scim.maptician.token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({ userName: 'a' }),
  });
  // The rule is used up as soon as the request has arrived.
  await waitUntil(() => scim.sandbox.faults.list().length === 0);
  const early = scim.maptician.size;
  abort.abort();
  await expect(answer).rejects.toThrow();
  await waitUntil(() => scim.maptician.size === made[1]);
  expect(early).toBe(made[0]);
});

it('faults that only Graph can have pass SCIM requests by', async () => {
  scim.sandbox.faults.inject({ fault: { kind: 'foreignLink', origin: 'https://evil.example' } });
  scim.sandbox.faults.inject({ fault: { kind: 'gone' } });
  expect((await post()).status).toBe(201);
  expect(scim.sandbox.faults.list()).toHaveLength(2);
});

it('the request log has the SCIM requests, apart from others, with their bodies and without the token', async () => {
  inject({ kind: 'reset' });
  await expect(post()).rejects.toThrow();
  await post();
  await scim.filter('userName eq "a"');
  await fetch(`${scim.sandbox.origin}/v1.0/users/delta`, {
    headers: { authorization: `Bearer ${scim.sandbox.issueToken()}` },
  });
  const log = scim.sandbox.requests.entries;
  const seen = log.map(({ service, method, path, status, body, fault }) => [
    service,
    method,
    path,
    status,
    body,
    fault,
  ]);
  expect(seen).toEqual([
    ['maptician', 'POST', '/scim/v2/Users', 0, { userName: 'a' }, 'reset'],
    ['maptician', 'POST', '/scim/v2/Users', 201, { userName: 'a' }, undefined],
    ['maptician', 'GET', '/scim/v2/Users', 200, undefined, undefined],
    ['graph', 'GET', '/users/delta', 200, undefined, undefined],
  ]);
  expect(JSON.stringify(log)).not.toContain(scim.maptician.token);
});
