import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorHandling, errorPolicy, SyncError } from '../../src/errors.ts';
import type { RequestEvent } from '../../src/http.ts';
import { createdId } from '../../src/maptician/scim/answers.ts';
import { createRequestPace, type RequestPace } from '../../src/maptician/scim/request-pace.ts';
import { createScimClient, type ScimClientOptions, type ScimMethod } from '../../src/maptician/scim/scim-client.ts';
import { createCertificate } from '../../src/sandbox/certificate.ts';
import { type Database, openDatabase } from '../../src/state/database.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { waitUntil } from '../support/wait-until.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly port: number | undefined;
  readonly at: number;
}
type Handler = (response: ServerResponse, attempt: number, request: IncomingMessage) => void;

const token = 'the-secret-token';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** A real HTTP server that answers by script, and what it saw. */
async function serve(handler: Handler) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers, socket } = request;
    seen.push({
      method,
      url,
      headers,
      body: Buffer.concat(chunks).toString(),
      port: socket.remotePort,
      at: performance.now(),
    });
    handler(response, seen.length, request);
  });
  const origin = `http://127.0.0.1:${await listen(server)}`;
  return { origin, seen };
}

/** Lets everything go at once, and remembers what it was told. */
function unpaced() {
  const told: string[] = [];
  const pace: RequestPace = {
    turn: async () => told.push('turn'),
    succeeded: () => void told.push('succeeded'),
    slowDown: async (turn, retryAfter) => void told.push(`slow down for ${turn}: ${retryAfter}`),
  };
  return { pace, told };
}

function open(url: string, options: Partial<ScimClientOptions> = {}) {
  const waits: number[] = [];
  const { pace, told } = unpaced();
  const sleep = async (milliseconds: number) => void waits.push(milliseconds);
  const signal = new AbortController().signal;
  const client = createScimClient({ url, token, pace, signal, sleep, ...options });
  return { client, waits, told };
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/scim+json', ...headers });
  response.end(JSON.stringify(body));
};
const list = { totalResults: 0, Resources: [] };
const methods: readonly ScimMethod[] = ['GET', 'POST', 'PATCH', 'DELETE'];
const writes = methods.slice(1);

async function failureOf(work: Promise<unknown>): Promise<SyncError> {
  const outcome = await work.catch((thrown: unknown) => thrown);
  if (outcome instanceof SyncError) return outcome;
  throw new Error(`a SyncError was expected, not ${JSON.stringify(outcome)}`);
}

describe('a request', () => {
  it('goes below the Tenant URL, with the token and the media types of SCIM', async () => {
    const { origin, seen } = await serve((response) => json(response, 201, { id: '1' }));
    const { client } = open(`${origin}/scim/v2/`);
    expect(await client.request('POST', '/Users', { body: { userName: 'Zoë' } })).toEqual({
      status: 201,
      body: { id: '1' },
    });
    expect(seen).toMatchObject([
      {
        method: 'POST',
        url: '/scim/v2/Users',
        body: '{"userName":"Zoë"}',
        headers: {
          authorization: 'Bearer the-secret-token',
          'content-type': 'application/scim+json',
          accept: 'application/scim+json, application/json',
        },
      },
    ]);
  });

  it.each(['https://a.example/scim/v2/Users/a%2Fb', '/Users/a%2Fb/', 'Users/a%2Fb?x=/Users/y'])(
    'comes back with its Location: %s',
    async (location) => {
      const { origin } = await serve((response) => json(response, 201, {}, { location }));
      const answer = await open(origin).client.request('POST', '/Users', { body: {} });
      expect(answer.location).toBe(location);
      expect(createdId(answer)).toBe('a/b');
    },
  );

  it.each([
    [{ id: 7, meta: { location: '/Users/8' } }, '7'],
    [{ meta: { location: 'https://a.example/Users/8' } }, '8'],
    [{ meta: { location: 'https://a.example/Groups/8' } }, undefined],
    [undefined, undefined],
  ])('that made the account %j made the one with the id %s', (body, id) => {
    expect(createdId({ status: 201, body })).toBe(id);
  });

  it('has no content type without a body', async () => {
    const { origin, seen } = await serve((response) => json(response, 200, list));
    await open(origin).client.request('GET', '/Users');
    expect(seen[0]?.url).toBe('/Users');
    expect(seen[0]?.headers['content-type']).toBeUndefined();
  });

  it('takes the query of the Tenant URL along', async () => {
    const { origin, seen } = await serve((response) => json(response, 200, list));
    const { client } = open(`${origin}/scim/v2?tenant=a%2Bb&flag`);
    await client.request('GET', '/Users', { query: { startIndex: '1' } });
    await client.request('GET', '/Users/7');
    expect(seen.map(({ url }) => url)).toEqual([
      '/scim/v2/Users?tenant=a%2Bb&flag&startIndex=1',
      '/scim/v2/Users/7?tenant=a%2Bb&flag',
    ]);
  });

  it.each([
    'a b',
    "o'neil+tag@example.com",
    'quote " backslash \\ percent % #hash &amp= ?',
    'Zoë 東京 🙂',
    'line\nbreak',
    'a&filter=b',
  ])('brings %j intact in its query', async (value) => {
    const { origin, seen } = await serve((response) => json(response, 200, list));
    const filter = `userName eq ${JSON.stringify(value)}`;
    await open(origin).client.request('GET', '/Users', { query: { filter } });
    const { url = '' } = seen[0] ?? {};
    expect(url).not.toMatch(/[+ "#]/);
    expect(new URL(url, origin).searchParams.get('filter')).toBe(filter);
    // Also for a server that takes percent-encoding and nothing else.
    expect(decodeURIComponent(url.slice(url.indexOf('=') + 1))).toBe(filter);
  });

  it('does not go where an id leads out of its collection', async () => {
    const { origin, seen } = await serve((response) => json(response, 200, list));
    const { client } = open(`${origin}/scim/v2`);
    for (const path of ['/Users/..', '/Users/.', '/Users/7?x=y#z/..', '/Users/a b']) {
      await expect(client.request('DELETE', path)).rejects.toMatchObject({ message: expect.stringContaining('an id') });
    }
    expect(seen).toEqual([]);
  });

  it('uses a connection of those before it', async () => {
    const { origin, seen } = await serve((response) => json(response, 200, list));
    const { client } = open(origin);
    for (let i = 0; i < 20; i++) await client.request('GET', '/Users');
    // Two, since the next may begin before the last has let go of its own.
    expect(new Set(seen.map(({ port }) => port)).size).toBeLessThanOrEqual(2);
  });

  it('is told of, with its status and attempt', async () => {
    const { origin } = await serve((response, attempt, request) => {
      if (attempt === 1) request.socket.destroy();
      else json(response, attempt === 2 ? 500 : 200, list);
    });
    const events: RequestEvent[] = [];
    await open(origin, { onRequest: (event) => events.push(event) }).client.request('GET', '/Users');
    const { host } = new URL(origin);
    expect(events.map(({ duration: _, waited: __, ...event }) => event)).toEqual([
      { method: 'GET', host, status: 'network', attempt: 1, throttled: false },
      { method: 'GET', host, status: 500, attempt: 2, throttled: false },
      { method: 'GET', host, status: 200, attempt: 3, throttled: false },
    ]);
  });

  it.each(['', 'two\nlines', 'a b', 'tökén'])('is never made with the token %j', (unusable) => {
    expect(() => open('http://127.0.0.1:1', { token: unusable })).toThrow(/^MAPTICIAN_SECRET_TOKEN is empty, or has/);
  });
});

describe('an answer', () => {
  it('of 204 has no body', async () => {
    const { origin } = await serve((response) => response.writeHead(204).end());
    expect(await open(origin).client.request('PATCH', '/Users/1', { body: {} })).toEqual({
      status: 204,
      body: undefined,
    });
  });

  it('may be of any media type, as long as it is JSON', async () => {
    const { origin } = await serve((response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end('{"a":1}'),
    );
    expect(await open(origin).client.request('GET', '/Users')).toEqual({ status: 200, body: { a: 1 } });
  });

  it.each([400, 404, 405, 409, 412, 413, 414, 422, 501])('of %i is about one user', async (status) => {
    const { origin, seen } = await serve((response) => json(response, status, { detail: 'no' }));
    const { client, told } = open(origin);
    expect(await client.request('POST', '/Users', { body: {} })).toEqual({ status, body: { detail: 'no' } });
    expect(seen).toHaveLength(1);
    expect(told).toEqual(['turn', 'succeeded']);
  });

  it('that refuses need not be JSON', async () => {
    const { origin } = await serve((response) => response.writeHead(409).end('taken'));
    expect(await open(origin).client.request('POST', '/Users', { body: {} })).toEqual({ status: 409, body: 'taken' });
  });

  it.each([
    ['a page for people', '<html>Sign in</html>'],
    ['JSON that is cut off', '{"Resources":[{"id":'],
  ])('of 200 that is %s is no success', async (_what, text) => {
    for (const method of methods) {
      const { origin, seen } = await serve((response) => response.writeHead(200).end(text));
      await expect(open(origin).client.request(method, '/Users/1')).rejects.toMatchObject({
        code: 'SystemForCrossDomainIdentityManagementServiceIncompatible',
        httpStatus: 200,
      });
      expect(seen).toHaveLength(method === 'GET' ? 5 : 1);
    }
  });

  it('without an end is cut', async () => {
    let open_ = true;
    const { origin, seen } = await serve((response) => {
      response.on('close', () => {
        open_ = false;
      });
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const more = () => {
        while (open_ && response.write(chunk));
        if (open_) response.once('drain', more);
      };
      more();
    });
    await expect(open(origin).client.request('GET', '/Users')).rejects.toMatchObject({
      message: 'An answer of Maptician was larger than 64 MiB',
    });
    await waitUntil(() => !open_);
    expect(seen).toHaveLength(1);
  });
});

describe('what concerns everyone', () => {
  it('is a refused token, and says which setting to mend', async () => {
    const { origin, seen } = await serve((response) => json(response, 401, { detail: `${token} has expired` }));
    const error = await failureOf(open(origin).client.request('GET', '/Users'));
    expect(error).toMatchObject({ code: 'Unauthorized', httpStatus: 401, detail: '… has expired' });
    expect(error.message).toContain('MAPTICIAN_SECRET_TOKEN');
    expect(errorHandling(error.code).stopsCycle).toBe(true);
    expect(seen).toHaveLength(1);
  });

  it.each([
    [400, (secret: string) => JSON.stringify({ detail: `Bearer ${secret} may not` })],
    [404, (secret: string) => `no ${secret} here`],
    [500, (secret: string) => JSON.stringify({ detail: `Bearer ${secret} broke it` }).replaceAll('/', '\\/')],
    [503, (secret: string) => JSON.stringify({ detail: `${secret}, come later` })],
  ])('never has the token in what it quotes (%i)', async (status, textOf) => {
    const secret = 'to/ken"with\\all/of=it';
    const { origin } = await serve((response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(textOf(secret));
    });
    const { client } = open(origin, { token: secret });
    const outcome: unknown = await client.request('POST', '/Users', { body: {} }).catch((thrown: unknown) => thrown);
    const text = outcome instanceof SyncError ? `${outcome.message} ${outcome.detail}` : JSON.stringify(outcome);
    expect(text).toContain('…');
    expect(text).not.toMatch(/to.{1,2}ken/);
  });

  it('is a token without rights', async () => {
    const { origin } = await serve((response) => json(response, 403, { detail: 'read only' }));
    const error = await failureOf(open(origin).client.request('POST', '/Users', { body: {} }));
    expect(error).toMatchObject({ code: 'InsufficientRights', httpStatus: 403, detail: 'read only' });
    expect(error.message).toContain('MAPTICIAN_SECRET_TOKEN');
  });

  it.each([301, 302, 307, 308])('is a redirect (%i), which is not followed', async (status) => {
    const other = await serve((response) => json(response, 200, list));
    const { origin } = await serve((response) =>
      json(response, status, {}, { location: `${other.origin}/Users?who=ada` }),
    );
    const error = await failureOf(open(origin).client.request('POST', '/Users', { body: {} }));
    expect(error).toMatchObject({ code: 'UntrustedLink', httpStatus: status });
    expect(error.message).toContain(`a redirect to ${other.origin}:`);
    expect(error.message).not.toContain('ada');
    expect(other.seen).toEqual([]);
  });

  it('is a server that nobody runs, once that has lasted', async () => {
    for (const method of ['GET', 'POST'] as const) {
      const { client, waits } = open(`http://127.0.0.1:${await freePort()}/scim`);
      const error = await failureOf(client.request(method, '/Users'));
      expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('ECONNREFUSED') });
      expect(waits).toHaveLength(4);
    }
  });

  it('is a host that there is not', async () => {
    const { client, waits } = open('https://maptician.invalid/scim');
    const error = await failureOf(client.request('GET', '/Users'));
    expect(error.code).toBe('Unreachable');
    expect(error.message).toMatch(/https:\/\/maptician\.invalid\) cannot be reached: .*(ENOTFOUND|EAI_AGAIN)/);
    // A resolver that says no is believed; one that does not answer is asked again.
    expect(waits).toHaveLength(error.message.includes('ENOTFOUND') ? 0 : 4);
  });

  it('is a certificate that nobody vouches for, before the token is sent', async () => {
    let requests = 0;
    const server = createTlsServer(await createCertificate(), (_request, response) => {
      requests++;
      response.end('{}');
    });
    const { client, waits } = open(`https://127.0.0.1:${await listen(server)}`);
    const error = await failureOf(client.request('GET', '/Users'));
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') });
    expect(requests).toBe(0);
    expect(waits).toEqual([]);
  });

  it('is http spoken where https is expected', async () => {
    const { origin } = await serve((response) => json(response, 200, list));
    const error = await failureOf(open(origin.replace('http:', 'https:')).client.request('GET', '/Users'));
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('no trusted TLS connection') });
  });
});

describe('what may pass', () => {
  /** Milliseconds: short where it is to pass, long where a slow machine must not be taken for a fault. */
  const timeoutOf = (code: string, name: string) => (code === 'Timeout' && name !== '408' ? 400 : 10_000);
  const faults: readonly (readonly [string, Handler, string])[] = [
    ['500', (response) => json(response, 500, { detail: 'oops' }), 'InternalServerError'],
    ['502 with a page', (response) => response.writeHead(502).end('<html>'), 'InternalServerError'],
    ['503', (response) => json(response, 503, {}), 'InternalServerError'],
    ['504', (response) => json(response, 504, {}), 'InternalServerError'],
    ['408', (response) => json(response, 408, {}), 'Timeout'],
    ['a reset', (_response, _attempt, { socket }) => socket.resetAndDestroy(), 'WebExceptionProtocolError'],
    ['no answer at all', () => undefined, 'Timeout'],
    [
      'an answer that stalls half-way',
      (response) => response.writeHead(200, { 'content-length': 100 }).write('{"a":'),
      'Timeout',
    ],
    [
      'an answer that breaks off',
      (response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{"a":', () => response.destroy());
      },
      'WebExceptionProtocolError',
    ],
  ];

  it.each(faults)('is asked again after %s', async (name, fault, code) => {
    const { origin, seen } = await serve((response, attempt, request) =>
      attempt < 3 ? fault(response, attempt, request) : json(response, 200, list),
    );
    const { client, waits, told } = open(origin, { timeout: timeoutOf(code, name) });
    expect(await client.request('GET', '/Users')).toEqual({ status: 200, body: list });
    expect(seen).toHaveLength(3);
    expect(told.filter((what) => what === 'turn')).toHaveLength(3);
    expect(waits).toHaveLength(2);
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
  });

  it.each(faults)('is given up after five times %s', async (name, fault, code) => {
    const { origin, seen } = await serve(fault);
    const error = await failureOf(open(origin, { timeout: timeoutOf(code, name) }).client.request('GET', '/Users'));
    expect(error.code).toBe(code);
    expect(errorPolicy(error.code)).toBe('retry');
    expect(seen).toHaveLength(5);
  });

  it.each(faults)('is sent once where it may have been carried out: %s', async (name, fault, code) => {
    for (const method of writes) {
      const { origin, seen } = await serve(fault);
      await expect(
        open(origin, { timeout: timeoutOf(code, name) }).client.request(method, '/Users/1'),
      ).rejects.toMatchObject({ code });
      expect(seen).toHaveLength(1);
    }
  });

  it('is a POST on a connection that was refused: nothing had been sent', async () => {
    const port = await freePort();
    const later = createServer((_request, response) => json(response, 201, { id: '1' }));
    const sleep = async () => {
      later.listen(port, '127.0.0.1');
      await once(later, 'listening');
      cleanups.push(() => later.close());
    };
    const { client } = open(`http://127.0.0.1:${port}`, { sleep });
    expect(await client.request('POST', '/Users', { body: {} })).toEqual({ status: 201, body: { id: '1' } });
  });

  it('says what the server said, and nothing of the request', async () => {
    const { origin } = await serve((response) => json(response, 500, { detail: 'ada broke it' }));
    const { client } = open(`${origin}/scim/secret-path?key=value`);
    const query = { filter: 'userName eq "ada"' };
    const error = await failureOf(client.request('GET', '/Users', { query }));
    expect(error).toMatchObject({ message: 'Maptician answered 500', detail: 'ada broke it', httpStatus: 500 });
    const { client: cut } = open(`http://127.0.0.1:${await freePort()}/scim/secret-path?key=value`);
    const { message } = await failureOf(cut.request('GET', '/Users/ada', { query }));
    expect(message).not.toMatch(/secret|key=|ada|filter/);
  });
});

describe('too much', () => {
  it.each(methods)('makes a %s wait for another turn, and is told to the pace', async (method) => {
    const { origin, seen } = await serve((response, attempt) =>
      attempt < 8 ? json(response, 429, {}, { 'retry-after': '1.5' }) : json(response, 200, {}),
    );
    const { client, told, waits } = open(origin);
    expect((await client.request(method, '/Users/1')).status).toBe(200);
    expect(seen).toHaveLength(8);
    expect(told.slice(0, 4)).toEqual(['turn', 'slow down for 1: 1500', 'turn', 'slow down for 3: 1500']);
    expect(told.slice(-2)).toEqual(['turn', 'succeeded']);
    expect(waits).toEqual([]);
  });

  it('is given up after 60 times', async () => {
    const { origin, seen } = await serve((response) => json(response, 429, { detail: 'slower' }));
    const error = await failureOf(open(origin).client.request('POST', '/Users', { body: {} }));
    expect(error).toMatchObject({ code: 'TooManyRequests', httpStatus: 429, detail: 'slower' });
    expect(seen).toHaveLength(60);
  });

  it('is a 503 with a Retry-After as well, and reading has patience with it', async () => {
    const { origin, seen } = await serve((response, attempt) =>
      attempt < 8 ? json(response, 503, {}, { 'retry-after': '2' }) : json(response, 200, list),
    );
    const { client, told } = open(origin);
    expect((await client.request('GET', '/Users')).status).toBe(200);
    expect(seen).toHaveLength(8);
    expect(told[1]).toBe('slow down for 1: 2000');
  });

  describe('with the pace of the state database', () => {
    let database: TestDatabase;
    let state: Database;
    beforeAll(async () => {
      database = await createDatabase();
      state = await openDatabase({ databaseUrl: database.url, home: tmpdir(), log: pino({ level: 'silent' }) });
    });
    afterAll(async () => {
      await state.close();
      await database.drop();
    });

    function openPaced(url: string, { signal } = new AbortController()) {
      const pace = createRequestPace({ pool: state.pool, store: url, ceiling: 25, signal });
      return createScimClient({ url, token, pace, signal });
    }

    it.each([
      ['a fraction of a second', () => '0.4', () => 400],
      ['whole seconds', () => '1', () => 1_000],
      [
        'an HTTP date',
        () => new Date(Date.now() + 1_500).toUTCString(),
        (header: string, at: number) => Date.parse(header) - at,
      ],
    ])('no request goes before a Retry-After of %s', async (_name, headerAt, least) => {
      let header = '';
      let at = 0;
      const { origin, seen } = await serve((response, attempt) => {
        if (attempt > 1) return json(response, 200, list);
        header = headerAt();
        at = Date.now();
        json(response, 429, {}, { 'retry-after': header });
      });
      const client = openPaced(origin);
      await client.request('GET', '/Users');
      const [first, second] = seen;
      // One millisecond for the clocks, of which one counts whole ones only.
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(least(header, at) - 1);
    });

    it('a wait ends when the signal is aborted', async () => {
      const controller = new AbortController();
      const { origin, seen } = await serve((response) => json(response, 429, {}, { 'retry-after': '600' }));
      const client = openPaced(origin, controller);
      const waiting = Promise.allSettled([1, 2, 3].map(() => client.request('GET', '/Users')));
      await waitUntil(() => seen.length >= 1);
      const reason = new SyncError('Interrupted', 'enough');
      controller.abort(reason);
      for (const outcome of await waiting) expect(outcome).toEqual({ status: 'rejected', reason });
    });
  });

  it('ends with the signal while an answer is waited for', async () => {
    const controller = new AbortController();
    const { origin, seen } = await serve(() => undefined);
    const waiting = open(origin, { signal: controller.signal }).client.request('POST', '/Users', { body: {} });
    const outcome = waiting.catch((thrown: unknown) => thrown);
    await waitUntil(() => seen.length === 1);
    const reason = new SyncError('Interrupted', 'enough');
    controller.abort(reason);
    expect(await outcome).toBe(reason);
  });
});
