/** /api: what Graph has no resource for, and the document of it all. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../src/console/app.ts';
import { retryNow } from '../../src/state/escrow.ts';
import { openConsoleWorld, type ShownConsole } from './console-world.ts';
import { bearer, readerToken, tokenSettings } from './sign-in-with-token.ts';

const answerObject = z.record(z.string(), z.unknown());
/** What the tests look into of a page of users; all else is compared as it is. */
const userPage = z.object({
  users: z.array(z.object({ id: z.string().default(''), entraId: z.string().default('') })),
  next: z.string().nullable(),
});
const provisioned = z.object({
  users: z.array(z.object({ steps: z.array(z.object({ step: z.string(), status: z.string() })) })),
});

async function get(console: ShownConsole, path: string): Promise<Record<string, unknown>> {
  const answer = await console.fetch(path);
  const body = answerObject.parse(await answer.json());
  expect(answer.status, `${path}: ${JSON.stringify(body)}`).toBe(200);
  return body;
}

async function post(console: ShownConsole, path: string, body: unknown = {}, init: RequestInit = {}) {
  const answer = await console.fetch(path, {
    method: 'POST',
    body: JSON.stringify(body),
    ...init,
    headers: { 'Content-Type': 'application/json', ...init.headers },
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : answerObject.parse(JSON.parse(text)) };
}

/** Why a request was refused. */
function refusalOf({ body }: { readonly body: Record<string, unknown> | undefined }): string {
  return z.object({ error: z.object({ message: z.string() }) }).parse(body).error.message;
}

describe('the OpenAPI document', () => {
  const operation = z.object({
    summary: z.string(),
    tags: z.array(z.string()).min(1),
    parameters: z
      .array(
        z.object({
          name: z.string(),
          in: z.enum(['path', 'query']),
          required: z.boolean().optional(),
          schema: z.looseObject({}),
        }),
      )
      .default([]),
    requestBody: z
      .object({ required: z.literal(true), content: z.record(z.literal('application/json'), z.looseObject({})) })
      .optional(),
    responses: z.record(z.string().regex(/^([245]XX|20[024])$/), z.looseObject({ description: z.string().min(1) })),
  });
  const document = z.looseObject({
    openapi: z.literal('3.1.0'),
    info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
    paths: z.record(z.string().startsWith('/'), z.partialRecord(z.enum(['get', 'post']), operation)),
    components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
  });

  it('has every route of the API, with its parameters, and nothing else', async () => {
    const { world, console } = await openConsoleWorld(0);
    const written = await get(console, '/api/openapi.json');
    expect(await new Validator().validate(written)).toMatchObject({ valid: true });
    const { paths, components } = document.parse(written);
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const service = await world.service();
    const app = await createApp({
      service,
      pool: service.database.pool,
      origin: console.url,
      schedule: false,
      signal: AbortSignal.abort(),
    });
    const registered = app.routes
      .filter(({ method, path }) => method !== 'ALL' && /^\/(api|v1\.0|beta)\//.test(path))
      .map(({ method, path }) => `${method} ${openApiPath(path)}`)
      .filter((route) => !/ \/(api\/openapi\.json|(v1\.0|beta)\/http:\/\*)$/.test(route))
      // What Graph has there, and is refused here.
      .filter((route) => !/^(PUT|PATCH|DELETE) |^POST .*\/(jobs|\{jobId\}|schema)$/.test(route));
    expect(documented.sort()).toEqual([...new Set(registered)].sort());
    expect(documented.length).toBeGreaterThan(60);

    for (const [path, operations] of Object.entries(paths)) {
      const named = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(operations)) {
        const known = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
        expect(known.sort(), path).toEqual(named.sort());
      }
    }
    const refs = [...JSON.stringify(paths).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    );
    for (const name of refs) expect(components.schemas, name).toHaveProperty(name);
  });

  /** `:id` and `:id{pattern}` as the document writes them. */
  function openApiPath(path: string): string {
    return path
      .replace(/:servicePrincipalKey{[^}]*}/, "servicePrincipals(appId='{appId}')")
      .replaceAll(/:(\w+)/g, '{$1}');
  }
});

describe('/api', () => {
  it('tells where things stand, and shows users and cycles page by page', async () => {
    const { world, console, ids } = await openConsoleWorld(5);
    expect(await get(console, '/api/status')).toMatchObject({ state: 'never run', users: { linked: 0 } });
    await world.sync();
    await world.sync();
    expect(await get(console, '/api/status')).toMatchObject({
      state: 'healthy',
      lastCycle: { id: 2, state: 'succeeded' },
      users: { linked: 5, active: 5 },
      held: [],
      nextRun: expect.stringMatching(/Z$/),
      drift: null,
    });
    const first = await get(console, '/api/cycles?limit=1');
    expect(first).toMatchObject({ cycles: [{ id: 2, counts: { created: 0 } }], next: 2 });
    expect(await get(console, '/api/cycles?before=2')).toMatchObject({
      cycles: [{ id: 1, kind: 'initial' }],
      next: null,
    });
    expect(await get(console, '/api/cycles/1')).toMatchObject({ id: 1, counts: { created: 5 } });
    expect((await console.fetch('/api/cycles/9')).status).toBe(404);
    expect(await get(console, '/api/progress')).toEqual({ cycle: null, progress: null });

    const seen: string[] = [];
    for (let path: string | undefined = '/api/users?limit=2'; path !== undefined; ) {
      const { users, next } = userPage.parse(await get(console, path));
      seen.push(...users.map(({ id }) => id));
      path = next === null ? undefined : `/api/users?limit=2&after=${next}`;
    }
    expect(seen.sort()).toEqual([...ids].sort());
    const gone = await console.fetch('/api/users?after=99999999-9999-4999-8999-999999999999');
    expect(gone.status).toBe(400);
    expect(await gone.text()).toContain('has gone since the page before');
    const found = await post(console, '/api/users/search', { search: 'PERSON3' });
    expect(found).toMatchObject({ status: 200, body: { users: [{ id: ids[2], state: 'active' }], next: null } });
    expect(await get(console, `/api/users/${ids[2]}`)).toMatchObject({
      id: ids[2],
      scope: { inScope: true },
      assignedThrough: [{ via: 'direct' }],
      comparison: { account: 'there' },
      next: expect.stringContaining('nothing'),
    });
    expect((await console.fetch('/api/users/person3@contoso.example')).status, 'no names in a URL').toBe(400);
    expect((await console.fetch('/api/users/00000000-0000-4000-8000-000000000000')).status).toBe(404);

    const { settings } = await get(console, '/api/settings');
    expect(settings).toMatchObject({ CONSOLE_LISTEN: '127.0.0.1:0', AZURE_CLIENT_SECRET: '***' });
    expect(JSON.stringify(settings)).not.toContain(world.settings.AZURE_CLIENT_SECRET);
  });

  it('provisions a user, and only looks where that is asked for', async () => {
    const { console, ids, world } = await openConsoleWorld(1);
    const path = `/api/users/${ids[0]}/provision`;
    const looked = await post(console, path, { dryRun: true });
    expect(looked).toMatchObject({ status: 200, body: { dryRun: true, users: [{ outcome: 'planned' }] } });
    expect(await world.rows()).toEqual([]);
    const done = await post(console, path);
    expect(done).toMatchObject({ status: 200, body: { dryRun: false, cycleId: 1, users: [{ outcome: 'done' }] } });
    const [user] = provisioned.parse(done.body).users;
    expect(user?.steps.map(({ step, status }) => `${step} ${status}`)).toEqual([
      'import success',
      'scope success',
      'match success',
      'act success',
    ]);
    const { entries } = await get(console, '/api/audit');
    expect(entries).toMatchObject([
      {
        actor: 'this machine (console)',
        action: 'provision',
        subject: `user ${ids[0]}`,
        at: expect.stringMatching(/Z$/),
      },
    ]);
    expect(refusalOf(await post(console, path, { dryRun: 'yes' }))).toContain('body.dryRun');
  });

  it('shows what is held, and takes answers to it, for some and for all', async () => {
    const { world, tenant, console, ids } = await openConsoleWorld(6, { settings: { DEACTIVATE_LIMIT: '1' } });
    await world.sync();
    for (const id of ids.slice(0, 4)) tenant.users.delete(id);
    await world.sync();
    const { sets } = await get(console, '/api/held');
    expect(sets).toMatchObject([{ set: 2, kinds: { deactivate: 4 }, removals: 4, stops: false }]);
    const first = await get(console, '/api/held/2/users?limit=3');
    expect(first.users).toMatchObject([
      { kind: 'deactivate', changes: [{ displayName: 'active', newValue: false }] },
      {},
      {},
    ]);
    const page = userPage.parse(first);
    const rest = userPage.parse(await get(console, `/api/held/2/users?after=${page.next}`));
    const held = [...page.users, ...rest.users].map(({ entraId }) => entraId);
    expect(held.sort()).toEqual(ids.slice(0, 4).sort());

    const [kept = ''] = held;
    expect(await post(console, '/api/held/2/reject', { users: [kept] })).toEqual({
      status: 200,
      body: { kinds: { deactivate: 1 } },
    });
    expect((await get(console, '/api/rejected')).users).toMatchObject([{ entraId: kept, kind: 'deactivate' }]);
    expect((await post(console, '/api/held/2/approve', { users: [kept] })).status).toBe(409);
    expect(await post(console, '/api/held/2/approve')).toEqual({ status: 200, body: { kinds: { deactivate: 3 } } });
    expect((await post(console, '/api/held/2/approve')).status).toBe(404);
    await world.sync();
    const active = (await world.rows()).filter((row) => row.active).map((row) => row.external_id);
    expect(active.sort()).toEqual([kept, ...ids.slice(4)].sort());
    expect((await post(console, '/api/failures/retry', { user: kept })).body).toEqual({ users: 1 });
  });

  it('groups failures, and has some or all of them tried again', async () => {
    const { world, tenant, console, ids } = await openConsoleWorld(3);
    await (await world.service()).store();
    await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
    for (const id of ids.slice(0, 2)) tenant.users.update(id, { jobTitle: 'Chief' });
    await world.sync();
    const { groups } = await get(console, '/api/failures');
    expect(groups).toMatchObject([{ users: 2, givenUp: 0, action: expect.stringContaining('.') }]);
    const [{ code, httpStatus } = { code: '', httpStatus: null }] = z
      .array(z.object({ code: z.string(), httpStatus: z.number().nullable() }))
      .parse(groups);
    expect((await get(console, `/api/users?code=${code}`)).users).toHaveLength(2);
    expect((await get(console, '/api/users?code=Timeout')).users).toEqual([]);
    const retried = (body: unknown) => post(console, '/api/failures/retry', body);
    expect((await retried({ code, httpStatus })).body).toEqual({ users: 2 });
    expect((await retried({ user: ids[0] })).body).toEqual({ users: 1 });
    expect((await retried({ all: true })).body).toEqual({ users: 2 });
    expect((await retried({ user: ids[2] })).status).toBe(404);
    expect(refusalOf(await retried({}))).toContain('send one of');
    expect(await retryNow((await world.service()).database.pool, undefined)).toHaveLength(2);
  });

  it('tries an expression, and shows the mapping', async () => {
    const { world, console, ids } = await openConsoleWorld(1);
    await world.sync();
    const tried = (body: unknown) => post(console, '/api/mapping/test', body);
    expect(
      (await tried({ expression: 'Join("-", [givenName], [surname])', values: { givenName: 'Ada', surname: 'L' } }))
        .body,
    ).toEqual({
      result: 'Ada-L',
      type: 'text',
      redacted: false,
      read: { givenName: 'Ada', surname: 'L' },
    });
    expect((await tried({ expression: 'ToUpper([surname])', user: ids[0] })).body).toMatchObject({
      result: 'FAMILYPERSON1',
    });
    expect(refusalOf(await tried({ expression: 'Upper([surname])' }))).toMatch(/^expression: .*Upper/s);
    expect((await get(console, '/api/mapping')).attributes).toContainEqual(
      expect.objectContaining({ target: 'userName', source: 'userPrincipalName', matching: 1 }),
    );
  });

  it('asks for a cycle, but not while provisioning is paused', async () => {
    const { world, console } = await openConsoleWorld(0);
    expect((await post(console, '/api/sync')).status).toBe(202);
    await console.post('/pause');
    expect(await post(console, '/api/sync')).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining('paused') } },
    });
    expect((await world.pool.query('select action from maptician_sync.audit order by id')).rows).toEqual([
      { action: 'sync' },
      { action: 'pause' },
    ]);
  });

  it('lets a reader look and search, and pull nothing', async () => {
    const { console, ids } = await openConsoleWorld(1, { settings: tokenSettings });
    const asReader = { headers: bearer(readerToken) };
    const answer = async (path: string, body?: unknown) =>
      body === undefined
        ? (await console.fetch(path, asReader)).status
        : (await post(console, path, body, asReader)).status;
    expect(await answer('/api/status')).toBe(200);
    expect(await answer('/api/users/search', { search: 'a' })).toBe(200);
    expect(await answer('/api/mapping/test', { expression: '"a"' })).toBe(200);
    expect(await answer('/api/openapi.json')).toBe(200);
    for (const path of [
      `/api/users/${ids[0]}/provision`,
      '/api/sync',
      '/api/held/1/approve',
      '/api/held/1/reject',
      '/api/failures/retry',
    ]) {
      expect(await answer(path, {}), path).toBe(403);
    }
    expect((await console.fetch('/api/status')).status).toBe(401);
  });
});
