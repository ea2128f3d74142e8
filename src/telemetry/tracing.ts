/** Traces to an OpenTelemetry collector, by OTLP over HTTP with protobuf. Loaded only where a setting names one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { context, propagation, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type ExportResult, ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Telemetry as QueueSpans } from 'bullmq';
import { SyncError, toError } from '../errors.ts';
import { networkReason } from '../http.ts';
import type { Log } from '../log.ts';
import { packageVersion } from '../package-root.ts';
import { createQueueSpans } from './queue-spans.ts';

export interface Tracing {
  readonly tracer: Tracer;
  readonly queue: QueueSpans;
  /** Sends what is left. Resolves soon, also where nobody takes it. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** The collector's address, without `/v1/traces`. */
  readonly endpoint: string;
  /** `name=value`, with `,` between several, percent-encoded (OTEL_EXPORTER_OTLP_HEADERS). */
  readonly headers: string | undefined;
  readonly log: Log;
}

/** Milliseconds for one delivery, its retries included. */
const deliverWithin = 3_000;
/** Milliseconds for the last one, at the end of the service. */
const flushWithin = 2_000;
/** Milliseconds between two warnings that nobody takes the spans. */
const warnEvery = 60 * 60 * 1000;
/** Spans that wait to be sent; more are dropped. An initial cycle has several a user. */
const waitingAtMost = 16_384;

/** Opens it; sends nothing yet. Throws Misconfigured for headers that cannot be sent. */
export function openTracing({ endpoint, headers, log }: TracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: parseHeaders(headers),
    timeoutMillis: deliverWithin,
  });
  const watched = watchDelivery(exporter, log);
  const processor = new BatchSpanProcessor({ exporter: watched, maxQueueSize: waitingAtMost });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'maptician-sync', 'service.version': packageVersion() }),
    spanProcessors: [processor],
  });
  // OpenTelemetry has one of each a process; a second service in it finds them there.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const tracer = provider.getTracer('maptician-sync', packageVersion());
  return {
    tracer,
    queue: createQueueSpans(tracer),
    close: async () => {
      const closing = provider.shutdown().catch(() => undefined);
      // Where nobody took the last ones, nobody is waited for.
      await Promise.race([closing, sleep(watched.fails() ? 0 : flushWithin, undefined, { ref: false })]);
    },
  };
}

/** Says at most once an hour that spans could not be delivered, and hides it from the SDK, which would say so each time. */
function watchDelivery(exporter: SpanExporter, log: Log): SpanExporter & { readonly fails: () => boolean } {
  let failing = false;
  let warnedAt = Number.NEGATIVE_INFINITY;
  const note = ({ code, error }: ExportResult): void => {
    failing = code !== ExportResultCode.SUCCESS;
    if (!failing || performance.now() - warnedAt < warnEvery) return;
    warnedAt = performance.now();
    const reason = error === undefined ? 'no reason given' : reasonOf(error);
    log.warn(
      { reason },
      'traces could not be delivered to OTEL_EXPORTER_OTLP_ENDPOINT: check the address and the collector; said at most once an hour',
    );
  };
  return {
    fails: () => failing,
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        note(result);
        done({ code: ExportResultCode.SUCCESS });
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined ? {} : { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}

/** The system's word, or the status; never an address or a body. */
function reasonOf(thrown: unknown): string {
  const error = toError(thrown);
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) return String(error.code);
  return networkReason(error);
}

function parseHeaders(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      const value = decode(rest.join('=').trim());
      if (rest.length > 0 && isHeader(name.trim(), value)) return [name.trim(), value ?? ''];
      throw new SyncError(
        'Misconfigured',
        'OTEL_EXPORTER_OTLP_HEADERS is to be name=value, with a comma between several, and one of its parts is not',
      );
    }),
  );
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function isHeader(name: string, value: string | undefined): boolean {
  try {
    new Headers([[name, value ?? '\n']]);
    return true;
  } catch {
    return false;
  }
}
