import { createHmac } from 'node:crypto';
import { createSocket, Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { SyncError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { exportLog, readExportState } from '../../src/log-export/export-log.ts';
import { openSink } from '../../src/log-export/open-sink.ts';
import { type Sink, toNdjson } from '../../src/log-export/sink.ts';
import { provisioningObjectSummary, toProvisioningObjectSummary } from '../../src/log-record/summary.ts';
import { writeLog } from '../../src/state/provisioning-log.ts';
import { tenantOf } from '../pipeline/people.ts';
import { openWorld } from '../pipeline/world.ts';
import { openTestState, type TestState } from '../support/state-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import { entryOf, facts, recordOf } from './entries.ts';

let state: TestState;
beforeAll(async () => {
  state = await openTestState();
});
afterAll(() => state.close());
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A log, and an export of it to where a setting says. */
async function openExport(target: string, options: { secret?: string; wrap?: (sink: Sink) => Sink } = {}) {
  const { pool } = state;
  await pool.query(
    `set session_replication_role = replica; delete from provisioning_log; reset session_replication_role;
     delete from facts where name = 'log_export'`,
  );
  const opened = openSink({ LOG_EXPORT_URL: target, LOG_EXPORT_SECRET: options.secret });
  if (opened === undefined) throw new Error('There is no sink.');
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  const sink = options.wrap?.(opened) ?? opened;
  const run = () => exportLog({ pool, sink, facts, log }, new AbortController().signal);
  return {
    pool,
    lines,
    write: (...reasons: string[]) =>
      writeLog(
        pool,
        1,
        reasons.map((reason) => entryOf({ reason })),
      ),
    run,
    /** Transactions of other tests on the same server hold the export up, for a moment. */
    runUntil: (condition: () => boolean | Promise<boolean>) =>
      waitUntil(async () => {
        await run();
        return condition();
      }),
    failure: async () => (await readExportState(pool))?.failure ?? null,
  };
}

/** The reasons in records as they came, each checked. */
function reasonsOf(records: readonly string[]): (string | null)[] {
  return records.map(
    (record) => provisioningObjectSummary.strict().parse(JSON.parse(record)).provisioningStatusInfo.reason,
  );
}

interface Delivery {
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

async function startWebhook(answer: () => number = () => 204) {
  const deliveries: Delivery[] = [];
  const server = createHttpServer(async (request, response) => {
    deliveries.push({ body: await text(request), headers: request.headers });
    response.writeHead(answer()).end();
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/hook`,
    deliveries,
    reasons: () => reasonsOf(deliveries.flatMap(({ body }) => body.trimEnd().split('\n'))),
  };
}

async function listen(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

it('a webhook gets what is new in batches, in order, each with a signature over moment and body', async () => {
  const webhook = await startWebhook();
  const { run, runUntil, write } = await openExport(webhook.url.replace('//', '//siem:s%40fe@'), { secret: 'shared' });
  const first = Array.from({ length: 450 }, (_, index) => `entry ${index}`);
  await write(...first);
  await runUntil(() => webhook.deliveries.length === 3);
  await run();
  await write('new');
  await runUntil(async () => {
    await Promise.all([run(), run()]);
    return webhook.deliveries.length > 3;
  });
  expect(webhook.reasons()).toEqual([...first, 'new']);
  for (const { headers, body } of webhook.deliveries) {
    const [, time = '', signature] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['maptician-sync-signature'])) ?? [];
    expect(signature).toBe(createHmac('sha256', 'shared').update(`${time}.${body}`).digest('hex'));
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    expect(headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      authorization: `Basic ${Buffer.from('siem:s@fe').toString('base64')}`,
    });
  }
});

it('a receiver that fails is told of once, and gets everything when it is well again', async () => {
  let status = 503;
  const webhook = await startWebhook(() => status);
  const { run, runUntil, write, lines, failure } = await openExport(webhook.url);
  await write('first');
  await runUntil(() => webhook.deliveries.length > 0);
  await write('second');
  status = 302;
  await run();
  expect(lines).toEqual([expect.stringContaining('the receiver answered 503; it is tried again every minute')]);
  expect(await failure()).toMatchObject({ code: 'UnexpectedAnswer', message: expect.stringContaining('answered 302') });
  expect(lines.join()).not.toContain('ada@');
  status = 200;
  webhook.deliveries.length = 0;
  await runUntil(() => webhook.reasons().includes('second'));
  await run();
  expect(webhook.reasons()).toEqual(['first', 'second']);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('the log export goes on');
  expect(await failure()).toBeNull();
});

it('a receiver with a lower limit gets smaller batches, and not what alone is too large for it', async () => {
  const deliveries: string[] = [];
  const { runUntil, write, lines, failure } = await openExport('stdout', {
    wrap: (sink) => ({
      ...sink,
      send: async (entries) => {
        const body = toNdjson(entries);
        if (body.length > 5000) throw new SyncError('UnexpectedAnswer', 'too large', { httpStatus: 413 });
        deliveries.push(body);
      },
    }),
  });
  const all = [...Array.from({ length: 20 }, (_, index) => `${index}`), 'x'.repeat(5000), 'after'];
  await write(...all);
  await runUntil(() => deliveries.join('').includes('after'));
  expect(reasonsOf(deliveries.join('').trimEnd().split('\n'))).toEqual(all.filter(({ length }) => length < 5000));
  expect(lines).toEqual([expect.stringMatching(/takes no single entry of this size.*left out of the export/)]);
  expect(await failure()).toBeNull();
});

it('a sink that never settles is given up at the signal', async () => {
  const entry = toProvisioningObjectSummary(recordOf(), facts);
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(false);
  cleanups.push(() => written.mockRestore());
  // As a name whose look-up takes longer than the signal.
  const sent = vi.spyOn(DatagramSocket.prototype, 'send').mockReturnValue(undefined);
  cleanups.push(() => sent.mockRestore());
  for (const target of ['stdout', 'syslog+udp://127.0.0.1:9']) {
    const stop = new AbortController();
    const sending = openSink({ LOG_EXPORT_URL: target, LOG_EXPORT_SECRET: undefined })?.send([entry], stop.signal);
    stop.abort();
    await expect(sending).rejects.toThrow('aborted');
  }
});

it('whoever dies after sending and before noting it sends it again, and leaves nothing out', async () => {
  const webhook = await startWebhook();
  let dies = true;
  const { runUntil, write, pool } = await openExport(webhook.url, {
    wrap: (sink) => ({
      ...sink,
      send: async (entries, signal) => {
        await sink.send(entries, signal);
        if (!dies) return;
        await pool.query(
          `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
             and database = (select oid from pg_database where datname = current_database())`,
        );
      },
    }),
  });
  await write('first', 'second');
  await expect(runUntil(() => false)).rejects.toThrow(/terminat|connection/i);
  dies = false;
  await write('third');
  await runUntil(() => webhook.reasons().includes('third'));
  expect(webhook.reasons()).toEqual(['first', 'second', 'first', 'second', 'third']);
});

/** Messages in frames of counted octets (RFC 6587 section 3.4.1), as one connection sent them. */
function unframe(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const end = space + 1 + Number(bytes.subarray(at, space));
    messages.push(bytes.subarray(space + 1, end).toString());
    at = end;
  }
  return messages;
}

/** The JSON of a message by RFC 5424, with what stands before it. */
const message = /^<(\d+)>1 (\S+) \S+ maptician-sync - (\w+) - (\{.*\})$/;

function collect(received: string[]) {
  return (socket: Socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => received.push(...unframe(Buffer.concat(chunks))));
  };
}

it('syslog over TCP gets a message an entry by RFC 5424, in counted octets', async () => {
  const received: string[] = [];
  const port = await listen(createTcpServer(collect(received)));
  const { runUntil, write, failure, pool } = await openExport(`syslog+tcp://127.0.0.1:${port}`);
  await write('Grüße', 'second');
  await writeLog(pool, 1, [entryOf({ status: 'failure', code: 'Conflict', reason: 'no' })]);
  await runUntil(() => received.length === 3);
  expect(await failure()).toBeNull();
  const parsed = received.map((line) => message.exec(line)?.slice(1) ?? []);
  expect(reasonsOf(parsed.map(([, , , json = '']) => json))).toEqual(['Grüße', 'second', 'no']);
  // Log audit, informational and error.
  expect(parsed.map(([priority, , action]) => [priority, action])).toEqual([
    ['110', 'update'],
    ['110', 'update'],
    ['107', 'update'],
  ]);
  expect(parsed[0]?.[1]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

it('syslog over TLS goes only to a server whose certificate holds', async () => {
  const certificate = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const received: string[] = [];
  const server = createTlsServer({ key: certificate.private, cert: certificate.cert }, collect(received));
  const port = await listen(server);
  const { runUntil, write, failure } = await openExport(`syslog+tls://127.0.0.1:${port}`);
  await write('secret');
  await runUntil(async () => (await failure()) !== null);
  expect(await failure()).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('SELF_SIGNED') });
  expect(received).toEqual([]);
  const trusted = getCACertificates('default');
  cleanups.push(() => setDefaultCACertificates(trusted));
  setDefaultCACertificates([...trusted, certificate.cert]);
  await runUntil(() => received.length > 0);
  expect(await failure()).toBeNull();
  expect(reasonsOf(received.map((line) => message.exec(line)?.[4] ?? ''))).toEqual(['secret']);
});

it('a syslog server that breaks the connection off has not got it', async () => {
  const port = await listen(createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())));
  const { run, runUntil, write, failure, lines } = await openExport(`syslog+tcp://127.0.0.1:${port}`);
  await write('first');
  await runUntil(async () => (await failure()) !== null);
  await run();
  expect(await failure()).toMatchObject({ code: 'Unreachable', message: expect.stringMatching(/ECONNRESET|EPIPE/) });
  expect(lines).toHaveLength(1);
});

it('syslog over UDP gets a datagram an entry', async () => {
  const received: string[] = [];
  const socket = createSocket('udp4', (bytes) => received.push(bytes.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => socket.close());
  const { runUntil, write } = await openExport(`syslog+udp://127.0.0.1:${socket.address().port}`);
  await write('first', 'second');
  await runUntil(() => received.length === 2);
  expect(reasonsOf(received.map((line) => message.exec(line)?.[4] ?? ''))).toEqual(['first', 'second']);
});

it('the end of a cycle exports what it logged, into the month that was made for whoever writes first', async () => {
  const webhook = await startWebhook();
  const { tenant } = tenantOf(2);
  await using world = await openWorld({ sandbox: { tenant }, settings: { LOG_EXPORT_URL: webhook.url } });
  await world.service();
  const months = await world.pool.query(
    `select from pg_inherits where inhparent = 'maptician_sync.provisioning_log'::regclass`,
  );
  expect(months.rowCount, 'this month, the next and the default').toBe(3);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 2 } });
  const { logKeeper } = await (await world.service()).cycleContext();
  await waitUntil(async () => {
    // Only where another test held it up.
    if (webhook.deliveries.length === 0) await logKeeper.deliver();
    return webhook.deliveries.length > 0;
  });
  expect(webhook.reasons()).toEqual(['assigned to the app', 'assigned to the app']);
  const { rows } = await world.pool.query(
    'select distinct tableoid::regclass::text as month from maptician_sync.provisioning_log',
  );
  expect(rows).toEqual([{ month: expect.stringMatching(/provisioning_log_\d{4}_\d\d$/) }]);
  const { duties } = await world.service();
  expect((await duties({ schedule: false })).map(({ name }) => name)).toContain('log export');
});
