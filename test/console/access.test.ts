/** Every route of the console: for nobody, readers and operators, by token and by session, and for what other sites send. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, test } from 'vitest';
import { neededRole } from '../../src/console/access/access.ts';
import { createApp } from '../../src/console/app.ts';
import { isApi } from '../../src/console/errors.ts';
import { passTime } from '../support/pass-time.ts';
import { openConsoleWorld } from './console-world.ts';
import { bearer, operatorToken, readerToken, signIn, tokenSettings } from './sign-in-with-token.ts';

type Need = 'nobody' | 'reader' | 'operator';

/** Below the enterprise application, by object id and by application id. */
const graphJobs = ['/v1.0', '/beta'].flatMap((version) =>
  [":servicePrincipalKey{servicePrincipals\\(appId='[^'/]+'\\)}", 'servicePrincipals/:servicePrincipalId'].map(
    (principal) => `${version}/${principal}/synchronization/jobs`,
  ),
);
const graphLevers = ['start', 'pause', 'restart', 'provisionOnDemand', 'validateCredentials'];
const graphRoutes = graphJobs.flatMap((jobs) => [
  ...graphLevers.map((lever) => `POST ${jobs}/:jobId/${lever}`),
  // Refused, whoever asks.
  ...[jobs, `${jobs}/:jobId`, `${jobs}/:jobId/schema`].flatMap((path) =>
    ['POST', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} ${path}`),
  ),
]);
const apiLevers = ['sync', 'users/:id/provision', 'held/:set/approve', 'held/:set/reject', 'failures/retry'];
const operators = [...graphRoutes, ...apiLevers.map((lever) => `POST /api/${lever}`)];

/**
 * What a route needs. A GET that is not listed needs a reader; any other route must stand here, and the test fails where it does
 * not. `npx vitest run test/console/access.test.ts` names what is missing.
 */
const listed: Readonly<Record<string, Need>> = {
  'GET /assets/console.css': 'nobody',
  'GET /assets/console.js': 'nobody',
  'GET /assets/icon.svg': 'nobody',
  'GET /healthz': 'nobody',
  'GET /readyz': 'nobody',
  'GET /sign-in': 'nobody',
  'POST /sign-in': 'nobody',
  'GET /sign-in/entra': 'nobody',
  'GET /sign-in/callback': 'nobody',
  'POST /sign-out': 'reader',
  'POST /users/search': 'reader',
  'POST /log/search': 'reader',
  'POST /mapping/test': 'reader',
  'POST /mapping/preview': 'reader',
  'POST /api/users/search': 'reader',
  'POST /api/mapping/test': 'reader',
  ...Object.fromEntries(operators.map((name): [string, Need] => [name, 'operator'])),
  'POST /sync': 'operator',
  'POST /pause': 'operator',
  'POST /resume': 'operator',
  'POST /restart': 'operator',
  'POST /users/provision': 'operator',
  'POST /users/:id/provision': 'operator',
  'POST /users/:id/retry': 'operator',
  'POST /held/:set{[0-9]{1,15}}/:answer{approve|reject}': 'operator',
  'POST /held/retry': 'operator',
  'POST /failures/retry': 'operator',
  'POST /failures/retry-all': 'operator',
  'POST /queue/board/*': 'operator',
};

interface Route {
  readonly name: string;
  readonly method: string;
  /** A path that it takes. */
  readonly path: string;
  readonly need: Need;
}

/** Those that nobody foresaw, so that there is one of each kind whatever the console has. */
const unknown = [
  'GET /no-such-page',
  'POST /no-such-page',
  'GET /api/no-such',
  'POST /api/no-such',
  'DELETE /v1.0/no-such',
];
const needOf = (name: string): Need | undefined =>
  listed[name] ?? (name.startsWith('GET ') ? 'reader' : unknown.includes(name) ? 'operator' : undefined);

async function routesOf({ world }: Awaited<ReturnType<typeof openConsoleWorld>>): Promise<Route[]> {
  const service = await world.service();
  const app = await createApp({
    service,
    pool: service.database.pool,
    origin: 'http://x',
    schedule: false,
    signal: new AbortController().signal,
  });
  const passedByAll = ({ method, path }: { method: string; path: string }) => method === 'ALL' && path === '/*';
  const names = app.routes
    .filter((route) => !passedByAll(route))
    .flatMap(({ method, path }) => (method === 'ALL' ? ['GET', 'POST'] : [method]).map((one) => `${one} ${path}`));
  const all = [...new Set([...names, ...unknown])];
  expect(
    all.filter((name) => needOf(name) === undefined),
    'routes that the table does not list',
  ).toEqual([]);
  return all.map((name) => {
    const [method = '', pattern = ''] = name.split(' ');
    const path = pattern
      .replaceAll(/:\w+(\{.*?\}+(?=[/.]|$))?\??/g, (_, form = '') =>
        form.includes('[0-9]') ? '7' : (/^\{(\w+)\|/.exec(form)?.[1] ?? '00000000-0000-4000-8000-000000000001'),
      )
      .replaceAll('*', 'x');
    return { name, method, path, need: needOf(name) ?? 'operator' };
  });
}

const isScript = ({ path }: Route) => isApi(path) || path.startsWith('/queue/board/api/');

/** `in`, or how a request was turned away. */
async function outcomeOf(answer: Response): Promise<string> {
  await answer.body?.cancel();
  if (answer.status === 401 || answer.status === 403) return String(answer.status);
  return /^\/sign-in(\?(to|problem)=|$)/.test(answer.headers.get('location') ?? '') ? 'to sign in' : 'in';
}

/** What was answered at each route, beside what should have been. */
async function visit(
  routes: readonly Route[],
  ask: (route: Route) => Promise<Response>,
  expected: (route: Route) => string,
): Promise<void> {
  const answered: Record<string, string> = {};
  for (const route of routes) answered[route.name] = await outcomeOf(await ask(route));
  expect(answered).toEqual(Object.fromEntries(routes.map((route) => [route.name, expected(route)])));
}

/** With headers that fetch does not let one choose. */
async function askWith(headers: Record<string, string>, url: string): Promise<Response> {
  const asked = request(url, { headers }).end();
  const [answer]: IncomingMessage[] = await once(asked, 'response');
  answer?.resume();
  const location = answer?.headers.location;
  return new Response(null, { status: answer?.statusCode ?? 500, headers: location === undefined ? {} : { location } });
}

test('lets everybody do what their role may, at every route', async () => {
  const shown = await openConsoleWorld(0, { settings: tokenSettings });
  const { console, world } = shown;
  const routes = await routesOf(shown);
  expect(routes.map(({ name, method, path }) => [name, neededRole(method, path)])).toEqual(
    routes.map(({ name, need }) => [name, need]),
  );
  // A wrong token of the form is answered with 401, which here would look like being turned away.
  const others = routes.filter(({ name }) => name !== 'POST /sign-in');

  const as = (headers: () => Promise<Record<string, string>> | Record<string, string>) => async (route: Route) =>
    console.fetch(route.path, { method: route.method, headers: { Origin: console.url, ...(await headers()) } });
  const turnedAway = (route: Route) => (route.need === 'nobody' ? 'in' : isScript(route) ? '401' : 'to sign in');
  const readerMay = ({ need }: Route) => (need === 'operator' ? '403' : 'in');

  await visit(
    others,
    as(() => ({})),
    turnedAway,
  );
  await visit(
    others,
    as(() => ({ Cookie: 'maptician-sync=made-up' })),
    turnedAway,
  );
  await visit(
    others,
    as(() => bearer(readerToken)),
    readerMay,
  );
  // Each signs in anew, since one of the routes signs out.
  await visit(
    others,
    as(() => signIn(console, readerToken)),
    readerMay,
  );
  await visit(
    others,
    as(() => bearer(operatorToken)),
    () => 'in',
  );
  await visit(
    others,
    as(() => signIn(console, operatorToken)),
    () => 'in',
  );

  const expired = await signIn(console, operatorToken);
  await passTime(world.pool, '8 hours');
  await visit(
    others,
    as(() => expired),
    turnedAway,
  );
}, 90_000);

test('has nothing done that another site sends, whoever is signed in', async () => {
  const shown = await openConsoleWorld(0, { settings: tokenSettings });
  const { console } = shown;
  const routes = (await routesOf(shown)).filter(({ method }) => method !== 'GET');
  const session = await signIn(console, operatorToken);
  const from = (headers: Record<string, string>) => (route: Route) =>
    console.fetch(route.path, { method: route.method, headers: { ...session, ...headers } });

  await visit(routes, from({ Origin: 'https://elsewhere.example' }), () => '403');
  await visit(routes, from({ Origin: 'null' }), () => '403');
  await visit(routes, from({ 'Sec-Fetch-Site': 'cross-site' }), () => '403');
  await visit(routes, from({ 'Sec-Fetch-Site': 'same-site', Origin: console.url }), () => '403');
  // No browser leaves out both, so a script may; a form must say where it comes from.
  await visit(routes, from({}), (route) => (isScript(route) ? 'in' : '403'));
});

test('is for this machine alone where there is no way to sign in', async () => {
  const shown = await openConsoleWorld(0);
  const { console } = shown;
  const routes = await routesOf(shown);
  const pages = routes.filter(({ method }) => method === 'GET');
  const withHeaders = (headers: Record<string, string>) => (route: Route) =>
    askWith(headers, `${console.url}${route.path}`);
  const openOnly = ({ need }: Route) => (need === 'nobody' ? 'in' : '403');

  for (const route of routes.filter(({ name }) => name !== 'POST /sign-in')) {
    const answer = await console.fetch(route.path, { method: route.method, headers: { Origin: console.url } });
    expect([route.name, await outcomeOf(answer)]).toEqual([route.name, 'in']);
  }
  // A name that was made to point here, and what a proxy passes on.
  await visit(pages, withHeaders({ Host: 'rebound.example:4080' }), openOnly);
  await visit(pages, withHeaders({ Host: '127.0.0.1.rebound.example' }), openOnly);
  for (const name of ['X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'Via', 'X-Real-IP', 'CF-Connecting-IP']) {
    await visit(pages.slice(0, 8), withHeaders({ [name]: '192.0.2.7' }), openOnly);
  }
  // From the page that a proxy shows, which the browser takes for its own.
  for (const method of ['GET', 'POST']) {
    const headers = { Origin: 'https://sync.example.com', 'Sec-Fetch-Site': 'same-origin' };
    expect((await console.fetch('/log/search', { method, headers })).status, method).toBe(403);
  }
  await visit(pages, withHeaders({ Host: 'localhost:1234' }), () => 'in');
  // Another site may lead here by a link, and read nothing.
  await visit(pages, withHeaders({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }), () => '403');
  const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
  await visit(pages, withHeaders(link), () => 'in');
  await visit(pages, withHeaders({ ...link, 'Sec-Fetch-Dest': 'iframe' }), () => '403');
});

test('sends the same protection with every answer', async () => {
  const shown = await openConsoleWorld(0, { settings: tokenSettings });
  const { console } = shown;
  for (const { method, path, name } of await routesOf(shown)) {
    for (const headers of [{}, bearer(operatorToken)]) {
      const answer = await console.fetch(path, { method, headers: { Origin: console.url, ...headers } });
      await answer.body?.cancel();
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy, name).toContain("default-src 'none'");
      expect(policy, name).toContain("frame-ancestors 'none'");
      expect(policy, name).toContain("script-src 'self';");
      expect(policy.includes('unsafe'), name).toBe(path.startsWith('/queue/board'));
      expect(answer.headers.get('x-content-type-options'), name).toBe('nosniff');
      expect(answer.headers.get('cross-origin-resource-policy'), name).toBe('same-origin');
      expect(answer.headers.get('access-control-allow-origin'), name).toBeNull();
      expect(answer.headers.get('cache-control'), name).toBe(path.startsWith('/assets/') ? 'no-cache' : 'no-store');
    }
  }
});
