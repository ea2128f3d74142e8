/** What the parts of the service tell of their work: counted always, and traced where a setting says where to. */
import { trace } from '@opentelemetry/api';
import type { Telemetry as QueueSpans } from 'bullmq';
import type { OnRequest } from '../http.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import { createMetrics, type Metrics, type Peer } from './metrics.ts';
import { createInSpan, type InSpan, spanOfRequest } from './spans.ts';

export interface Telemetry {
  readonly metrics: Metrics;
  readonly inSpan: InSpan;
  /** What the client of one side tells of each request. */
  readonly onRequest: (peer: Peer) => OnRequest;
  /** What queues and workers are opened with. */
  readonly queue: QueueSpans | undefined;
  close(): Promise<void>;
}

/** Opens it; sends nothing yet. Rejects with Misconfigured where the settings of the collector cannot be used. */
export async function openTelemetry(
  settings: Pick<Settings, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS'>,
  log: Log,
): Promise<Telemetry> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = settings;
  const metrics = createMetrics();
  // The SDK takes a while to load, and most have no use for it.
  const tracing =
    endpoint === undefined ? undefined : (await import('./tracing.ts')).openTracing({ endpoint, headers, log });
  // Without tracing this one does nothing.
  const tracer = tracing?.tracer ?? trace.getTracer('maptician-sync');
  return {
    metrics,
    inSpan: createInSpan(tracer),
    onRequest: (peer) => (event) => {
      metrics.requestSent(peer, event);
      spanOfRequest(tracer, peer, event);
    },
    queue: tracing?.queue,
    close: async () => tracing?.close(),
  };
}
