/** Fills a state database with users and times pages of the console over HTTP, each in turn with an empty one. */
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import { openConsole } from '../../src/console/open-console.ts';
import { createLog } from '../../src/log.ts';
import { openService } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { answer, readInput } from '../child.ts';
import { fillLog } from '../fill-log.ts';
import { fillUsers, objectId } from '../fill-users.ts';

const { users, rounds } = readInput(z.object({ users: z.number(), rounds: z.number() }));

/** A request by the number of its round: not the same user each time. */
type Request = (round: number) => { readonly path: string; readonly form?: Readonly<Record<string, string>> };

const someone = (round: number): string => objectId(1 + ((round * 7919) % users));
const search =
  (words: (round: number) => string): Request =>
  (round) => ({ path: '/users/search', form: { search: words(round) } });

const pages: Readonly<Record<string, Request>> = {
  overview: () => ({ path: '/' }),
  'users, first page': () => ({ path: '/users' }),
  'users, some page': (round) => ({ path: `/users?after=${someone(round)}` }),
  'users who failed': () => ({ path: '/users?state=failed' }),
  'users, search with many hits': search((round) => ['anna', 'berg', 'contoso'][round % 3] ?? ''),
  'users, search with few hits': search((round) => `berg ${1000 + round}`),
  'users, search with hits late in the alphabet': search(() => 'jakub'),
  'users, search in vain': search((round) => `nobody${round}`),
  'one user': (round) => ({ path: `/users/${someone(round)}` }),
  failures: () => ({ path: '/failures' }),
  'failures, users of one cause': () => ({ path: '/failures/users?code=Conflict&status=409' }),
  'failures, users of a cause late in the alphabet': () => ({ path: '/failures/users?code=Forbidden&status=403' }),
  held: () => ({ path: '/held' }),
  'held, users of a set': (round) => ({ path: `/held/1?after=${someone(round)}` }),
  'log of a million, newest': () => ({ path: '/log' }),
  'log of a million, some page': (round) => ({ path: `/log?before=${100_000 + round * 7919}` }),
  'log of a million, failures': () => ({ path: '/log?status=failure' }),
  'log of a million, only repeated failures': (round) => ({ path: `/log?before=${960_000 + round * 10}` }),
  'log of a million, failures of a month ago': () => ({ path: '/log?until=30d&status=failure' }),
  'log of a million, one cycle': (round) => ({ path: `/log?cycle=${2000 + round}` }),
  'log of a million, one user': (round) => ({ path: `/log?user=${someone(round)}` }),
  'log of a million, a user who failed 4,000 times': (round) => ({ path: `/log?user=${objectId(1 + (round % 40))}` }),
  'log of a million, in vain by status': () => ({ path: '/log?status=warning' }),
  'log of a million, in vain by code': () => ({ path: '/log?code=Timeout' }),
  'log of a million, one entry': (round) => ({ path: `/log/${600_000 + round}` }),
};

const settings = loadSettings({ env: { ...process.env, CONSOLE_LISTEN: '127.0.0.1:0' } });
const service = await openService({ settings, log: createLog('warn') });
await fillUsers(service.database.pool, users);
await fillLog(service.database.pool);
const shown = await openConsole(service, { schedule: false, signal: new AbortController().signal });
if (shown === undefined) throw new Error('The console is switched off');
const { url } = shown;
const empty = new Hono().get('/', (c) => c.html('<!doctype html><title>Empty</title>'));
const floorServer = createServer(getRequestListener(empty.fetch));
const floorUrl = await new Promise<string>((resolve) => {
  floorServer.listen(0, '127.0.0.1', () => {
    const address = floorServer.address();
    resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`);
  });
});

const measured: { page: string; milliseconds: number[]; floor: number[] }[] = [];
for (const [page, request] of Object.entries(pages)) {
  // What the first request opens, and what Postgres reads into memory then, is of no page.
  for (let round = 0; round < 3; round++) await time(url, request(round));
  const one = { page, milliseconds: [] as number[], floor: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    one.floor.push(await time(floorUrl, { path: '' }));
    one.milliseconds.push(await time(url, request(round)));
  }
  measured.push(one);
}
floorServer.close();
floorServer.closeAllConnections();
await shown.close();
await service.close();
await answer({ pages: measured });
process.disconnect();

/** From the request to the last byte; rejects where it is no page. */
async function time(origin: string, { path, form }: ReturnType<Request>): Promise<number> {
  const began = performance.now();
  const init = form && { method: 'POST', body: new URLSearchParams(form), headers: { Origin: origin } };
  const response = await fetch(`${origin}${path}`, { ...init, redirect: 'manual' });
  await response.text();
  if (response.status >= 400) throw new Error(`${path} was answered with ${response.status}`);
  return performance.now() - began;
}
