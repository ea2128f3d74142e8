import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { getBatch } from '../../src/directory/graph-batch.ts';
import { createGraphClient, GraphError } from '../../src/directory/graph-client.ts';
import { retryAfter } from '../../src/http.ts';

type Handler = (request: IncomingMessage & { body: string }, response: ServerResponse, attempt: number) => void;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A real HTTP server that answers by script, and what it saw. */
async function serve(handler: Handler) {
  const seen: { url: string; authorization: string | undefined; at: number; priority: unknown }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.push({
      url: request.url ?? '',
      authorization: request.headers.authorization,
      at: performance.now(),
      priority: request.headers['x-ms-throttle-priority'],
    });
    handler(Object.assign(request, { body: Buffer.concat(chunks).toString() }), response, seen.length);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  );
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, seen };
}

function clientOf(origin: string, timeout = 5_000) {
  const credential = { getToken: async () => ({ token: 'the-token', expiresOnTimestamp: Date.now() + 3_600_000 }) };
  return createGraphClient({ origin, credential, timeout });
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};
const anything = z.unknown();

describe('what is sent', () => {
  it('carries the token and asks for a low priority', async () => {
    const { origin, seen } = await serve((_request, response) => json(response, 200, { value: [] }));
    await clientOf(origin).get('/users?$select=id', anything);
    expect(seen[0]).toMatchObject({
      url: '/v1.0/users?$select=id',
      authorization: 'Bearer the-token',
      priority: 'low',
    });
  });

  it('follows a link of its origin to the letter', async () => {
    const { origin, seen } = await serve((_request, response) => json(response, 200, {}));
    await clientOf(origin).get(`${origin}/beta/users/delta?$skiptoken=a%2Bb%20c&x=y`, anything);
    expect(seen[0]?.url).toBe('/beta/users/delta?$skiptoken=a%2Bb%20c&x=y');
  });

  it('does not follow a link to another origin, and says why', async () => {
    const other = await serve((_request, response) => json(response, 200, {}));
    const { origin } = await serve((_request, response) => json(response, 200, {}));
    const reading = clientOf(origin).get(`${other.origin}/v1.0/users/delta?$skiptoken=x`, anything);
    await expect(reading).rejects.toMatchObject({
      code: 'UntrustedLink',
      message: expect.stringContaining(`leads to ${other.origin}, not to ${origin}`),
    });
    expect(other.seen).toEqual([]);
  });

  it('does not follow a redirect', async () => {
    const other = await serve((_request, response) => json(response, 200, {}));
    const { origin } = await serve((_request, response) => json(response, 302, {}, { location: `${other.origin}/` }));
    await expect(clientOf(origin).get('/users', anything)).rejects.toMatchObject({ status: 302 });
    expect(other.seen).toEqual([]);
  });
});

describe('what is tried again', () => {
  it.each([408, 429, 500, 502, 503, 504])('%i', async (status) => {
    const { origin, seen } = await serve((_request, response, attempt) =>
      attempt === 1 ? json(response, status, {}) : json(response, 200, { value: 1 }),
    );
    expect(await clientOf(origin).get('/users', anything)).toEqual({ value: 1 });
    expect(seen).toHaveLength(2);
  });

  it('a connection that breaks, an answer that is cut off, a page of a proxy', async () => {
    const { origin, seen } = await serve((request, response, attempt) => {
      if (attempt === 1) request.socket.destroy();
      else if (attempt === 2) {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"value":[{"id":');
      } else if (attempt === 3) {
        response.writeHead(502, { 'content-type': 'text/html' });
        response.end('<html>Bad gateway</html>');
      } else json(response, 200, { value: 2 });
    });
    expect(await clientOf(origin).get('/users', anything)).toEqual({ value: 2 });
    expect(seen).toHaveLength(4);
  });

  it('a body that does not come within the time limit', async () => {
    const { origin, seen } = await serve((_request, response, attempt) => {
      if (attempt > 1) return json(response, 200, { value: 3 });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"value":');
    });
    expect(await clientOf(origin, 200).get('/users', anything)).toEqual({ value: 3 });
    expect(seen).toHaveLength(2);
  });

  it.each([400, 401, 403, 404, 410])('not %i', async (status) => {
    const { origin, seen } = await serve((_request, response) =>
      json(response, status, { error: { code: 'SomeCode', innererror: { code: 'ResyncRequired' } } }),
    );
    const error = await clientOf(origin)
      .get('/users', anything)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({ status, codes: ['somecode', 'resyncrequired'] });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['whole seconds', () => '1', 1_000],
    ['a fraction of a second', () => '0.7', 700],
    ['an HTTP date', () => new Date(Date.now() + 2_000).toUTCString(), 1_000],
  ])('never before a Retry-After of %s', async (_name, header, atLeast) => {
    let asked = 0;
    const { origin, seen } = await serve((_request, response, attempt) => {
      if (attempt > 1) return json(response, 200, {});
      const value = header();
      asked = retryAfter(value, Date.now()) ?? 0;
      json(response, 429, {}, { 'retry-after': value });
    });
    await clientOf(origin).get('/users', anything);
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(Math.max(atLeast, asked) - 20);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-24T10:00:00Z');
  it.each([
    ['120', 120_000],
    ['2.128', 2_128],
    ['0', 0],
    ['3600', 3_600_000],
    ['Tue, 24 Nov 2026 10:05:00 GMT', 300_000],
    ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    [null, undefined],
  ])('%s asks for %s ms', (header, expected) => {
    expect(retryAfter(header, now)).toBe(expected);
  });
});

describe('an answer of another shape', () => {
  it('is refused instead of being read as empty', async () => {
    const { origin } = await serve((_request, response) => json(response, 200, { values: [] }));
    const reading = clientOf(origin).get('/users', z.object({ value: z.array(z.unknown()) }));
    await expect(reading).rejects.toMatchObject({ code: 'UnexpectedAnswer' });
  });
});

describe('$batch', () => {
  const request = z.object({ requests: z.array(z.object({ id: z.string(), url: z.string() })) });

  it('sends twenty at a time and answers in order, whatever order they come back in', async () => {
    const sizes: number[] = [];
    const { origin } = await serve((incoming, response) => {
      const { requests } = request.parse(JSON.parse(incoming.body));
      sizes.push(requests.length);
      const responses = requests.map(({ id, url }) => ({ id, status: 200, body: { url } })).reverse();
      json(response, 200, { responses });
    });
    const urls = Array.from({ length: 45 }, (_, index) => `/users/${index}`);
    const answers = await getBatch(clientOf(origin), urls);
    expect(sizes).toEqual([20, 20, 5]);
    expect(answers.map(({ body }) => body)).toEqual(urls.map((url) => ({ url })));
  });

  it('sends only the throttled ones again, after the longest Retry-After', async () => {
    const asked: string[][] = [];
    const { origin, seen } = await serve((incoming, response, attempt) => {
      const { requests } = request.parse(JSON.parse(incoming.body));
      asked.push(requests.map(({ url }) => url));
      const responses = requests.map(({ id, url }) =>
        attempt === 1 && url !== '/users/0'
          ? { id, status: 429, headers: { 'retry-after': url === '/users/1' ? '0.1' : '0.4' }, body: {} }
          : { id, status: 200, body: {} },
      );
      json(response, 200, { responses });
    });
    const answers = await getBatch(clientOf(origin), ['/users/0', '/users/1', '/users/2']);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(asked).toEqual([
      ['/users/0', '/users/1', '/users/2'],
      ['/users/1', '/users/2'],
    ]);
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(380);
  });

  it('refuses an answer that leaves one out', async () => {
    const { origin } = await serve((_incoming, response) => json(response, 200, { responses: [] }));
    await expect(getBatch(clientOf(origin), ['/users/0'])).rejects.toMatchObject({ code: 'UnexpectedAnswer' });
  });
});
