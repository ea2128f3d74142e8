import { describe, expect, it } from 'vitest';
import { provisionUsers } from '../../src/cycle/provision.ts';
import { openPeopled } from '../pipeline/peopled-world.ts';
import { openScimWorld } from '../pipeline/scim-world.ts';
import { backends } from '../pipeline/world.ts';
import { openOtlpReceiver } from './otlp-receiver.ts';

describe.each(backends)('a cycle with the queue on %s', (queue) => {
  it('is one trace: phases, jobs below the phase that queued them, and requests below the job', async () => {
    const collector = await openOtlpReceiver();
    await using scim = await openScimWorld(4, {
      queue,
      settings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=a%20key,x-other=two',
      },
    });
    scim.faults.inject({ method: 'POST', path: '/scim/v2/Users', fault: { kind: 'status', status: 503 } });
    await scim.world.sync();
    // What is left goes out when the service ends.
    await scim.world.restart();

    const { spans, requests } = collector;
    const [cycle] = spans.filter(({ name }) => name === 'cycle');
    const pathOf = (span: (typeof spans)[number]): string[] => {
      const parent = spans.find(({ id }) => id === span.parentId);
      return [...(parent === undefined ? [] : pathOf(parent)), span.name];
    };
    expect(cycle?.attributes).toMatchObject({
      'maptician_sync.cycle.trigger': 'sync',
      'maptician_sync.cycle.kind': 'initial',
      'maptician_sync.cycle.state': 'succeeded',
    });
    expect(cycle?.resource).toMatchObject({ 'service.name': 'maptician-sync', 'service.version': expect.any(String) });
    expect(cycle?.parentId).toBe('');
    const ofCycle = spans.filter(({ traceId }) => traceId === cycle?.traceId);
    const paths = new Set(ofCycle.map((span) => pathOf(span).join(' > ')));
    expect(paths).toContain('cycle > read Entra > GET graph');
    expect(paths).toContain('cycle > list accounts > GET maptician');
    expect(paths).toContain('cycle > plan > addBulk operations > process operations > POST maptician');
    expect(paths).toContain('cycle > apply');
    // One more than there are users: the job that Maptician refused for now was tried again.
    expect(ofCycle.filter(({ name }) => name === 'process operations')).toHaveLength(5);
    expect(paths).toContain('cycle > plan > addBulk operations > process operations > GET maptician');
    const refused = ofCycle.filter(({ error }) => error === '503');
    expect(refused.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: 'POST maptician',
        attributes: expect.objectContaining({ 'http.response.status_code': 503, 'server.address': '127.0.0.1' }),
      },
    ]);
    // BullMQ's housekeeping is left out.
    expect(spans.map(({ name }) => name).filter((name) => /getNextJob|complete|extendLocks|close/.test(name))).toEqual(
      [],
    );

    expect(new Set(requests.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
    expect(requests[0]?.headers).toMatchObject({ 'x-api-key': 'a key', 'x-other': 'two' });
    const sent = Buffer.concat(requests.map(({ body }) => body)).toString('latin1');
    for (const personal of ['contoso.example', 'person1', 'filter', scim.ids[0] ?? '', '/Users']) {
      expect(sent).not.toContain(personal);
    }
  });
});

it('somebody provisioned by hand is a trace of their own', async () => {
  const collector = await openOtlpReceiver();
  const { world, ids } = await openPeopled(1, { settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
  await provisionUsers((await world.service()).provisionContext(), ids, { dryRun: true });
  await world.restart();
  const [root] = collector.spans.filter(({ name }) => name === 'provision');
  const requests = collector.spans.filter(({ name }) => name.endsWith(' graph'));
  expect(requests.length).toBeGreaterThan(0);
  expect(new Set(requests.map(({ parentId }) => parentId))).toEqual(new Set([root?.id]));
});

it('a collector that is away costs a cycle nothing, and is told of once', async () => {
  const { world } = await openPeopled(3, { settings: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } });
  expect((await world.sync()).state).toBe('succeeded');
  expect((await world.sync()).state).toBe('succeeded');
  const closing = performance.now();
  await world.restart();
  expect(performance.now() - closing).toBeLessThan(5_000);
  expect(world.log.filter((line) => line.includes('OTEL_EXPORTER_OTLP_ENDPOINT')).length).toBeLessThanOrEqual(1);
});

it('headers that cannot be sent are refused, without being quoted', async () => {
  const { world } = await openPeopled(1, {
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_HEADERS: 'secretvalue' },
  });
  const opening = world.service();
  await expect(opening).rejects.toMatchObject({ code: 'Misconfigured' });
  await expect(opening).rejects.not.toThrow(/secretvalue/);
});
