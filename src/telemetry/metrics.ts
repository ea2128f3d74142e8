/** What this process counts of its own work, for Prometheus (https://prometheus.io/docs/practices/naming/). */
import { Counter, Histogram, Registry } from 'prom-client';
import type { TriedOperation } from '../apply/breaker.ts';
import type { RequestEvent } from '../http.ts';
import { jobNames } from '../queue/outbox.ts';

/** Whom a request was sent to. */
const peers = ['graph', 'maptician'] as const;
export type Peer = (typeof peers)[number];

export interface Metrics {
  readonly registry: Registry;
  /** A cycle has ended in this process. */
  cycleEnded(cycle: { readonly kind: string; readonly state: string; readonly milliseconds: number }): void;
  /** Operations were tried in this process; `again` are tried once more within the cycle. */
  operationsTried(tried: {
    readonly settled: readonly Pick<TriedOperation, 'kind' | 'status'>[];
    readonly again: readonly Pick<TriedOperation, 'kind'>[];
  }): void;
  requestSent(peer: Peer, event: RequestEvent): void;
}

/** Of what runs on schedule or by `sync`, and how it may end. */
const cycleKinds = ['initial', 'incremental'] as const;
const cycleEnds = ['succeeded', 'partial', 'failed', 'interrupted'] as const;

const minute = 60;
const hour = 60 * minute;

/** Makes them, all at nought. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const cycles = new Counter({
    name: 'maptician_sync_cycles_total',
    help: 'Cycles that this process ended, by how they ended',
    labelNames: ['kind', 'state'],
    registers,
  });
  const cycleDuration = new Histogram({
    name: 'maptician_sync_cycle_duration_seconds',
    help: 'How long those cycles took',
    labelNames: ['kind'],
    buckets: [1, 5, 15, minute, 5 * minute, 15 * minute, hour, 4 * hour, 12 * hour],
    registers,
  });
  const operations = new Counter({
    name: 'maptician_sync_operations_total',
    help: 'Operations that this process tried on Maptician, by kind and result; retried: once more in the same cycle',
    labelNames: ['kind', 'result'],
    registers,
  });
  const requests = new Counter({
    name: 'maptician_sync_requests_total',
    help: 'Requests to Microsoft Graph and to Maptician; status network: there was no answer',
    labelNames: ['peer', 'method', 'status'],
    registers,
  });
  const requestDuration = new Histogram({
    name: 'maptician_sync_request_duration_seconds',
    help: 'How long those requests took, waiting for their turn not counted',
    labelNames: ['peer', 'method'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100],
    registers,
  });
  const throttled = new Counter({
    name: 'maptician_sync_requests_throttled_total',
    help: 'Requests answered by 429, or by 503 with Retry-After; those inside a batch, too',
    labelNames: ['peer'],
    registers,
  });
  const waited = new Counter({
    name: 'maptician_sync_request_wait_seconds_total',
    help: 'How long requests were kept back: for their turn, a Retry-After, or the pause after a failure',
    labelNames: ['peer'],
    registers,
  });
  // What has not happened yet is nought, so that the first time shows as a rise; but where the labels are not known before,
  // of requests, increase() begins with the second.
  for (const peer of peers) {
    throttled.inc({ peer }, 0);
    waited.inc({ peer }, 0);
  }
  for (const kind of cycleKinds) {
    for (const state of cycleEnds) cycles.inc({ kind, state }, 0);
  }
  for (const kind of Object.keys(jobNames)) {
    for (const result of ['success', 'failure']) operations.inc({ kind, result }, 0);
  }

  return {
    registry,
    cycleEnded: ({ kind, state, milliseconds }) => {
      cycles.inc({ kind, state });
      cycleDuration.observe({ kind }, milliseconds / 1000);
    },
    operationsTried: ({ settled, again }) => {
      for (const { kind, status } of settled) operations.inc({ kind, result: status });
      for (const { kind } of again) operations.inc({ kind, result: 'retried' });
    },
    requestSent: (peer, event) => {
      waited.inc({ peer }, event.waited / 1000);
      if (event.throttled) throttled.inc({ peer });
      if (event.inner) return;
      const { method, status, duration } = event;
      requests.inc({ peer, method, status: String(status) });
      requestDuration.observe({ peer, method }, duration / 1000);
    },
  };
}
