/** Spans of what the service does (https://opentelemetry.io/docs/specs/semconv/), where something takes them. */
import { type Attributes, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { toSyncError } from '../errors.ts';
import type { RequestEvent } from '../http.ts';
import type { Peer } from './metrics.ts';

/**
 * Does some work as a span of that name: what is done meanwhile hangs below it. Where it rejects, the span has the class of
 * the error, and none of its words. Attributes hold no personal data.
 */
export type InSpan = <T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>) => Promise<T>;

export function createInSpan(tracer: Tracer): InSpan {
  return (name, attributes, work) =>
    tracer.startActiveSpan(name, { attributes }, async (span) => {
      try {
        return await work(span);
      } catch (thrown) {
        failSpan(span, toSyncError(thrown).code);
        throw thrown;
      } finally {
        span.end();
      }
    });
}

/** Marks a span as failed, by the class of the error. */
export function failSpan(span: Span, code: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.setAttribute('error.type', code);
}

/**
 * A request that has ended, as a span below whatever is being done, by the conventions for HTTP clients. Without its address,
 * which holds names where somebody is looked for.
 */
export function spanOfRequest(tracer: Tracer, peer: Peer, event: RequestEvent): void {
  if (event.inner) return;
  const { method, host, status, attempt, duration, waited } = event;
  const [server, port] = splitHost(host);
  const end = Date.now();
  const span = tracer.startSpan(`${method} ${peer}`, {
    kind: SpanKind.CLIENT,
    startTime: new Date(end - duration),
    attributes: {
      'http.request.method': method,
      'server.address': server,
      ...(port === undefined ? {} : { 'server.port': port }),
      ...(status === 'network' ? {} : { 'http.response.status_code': status }),
      ...(attempt === 1 ? {} : { 'http.request.resend_count': attempt - 1 }),
      'maptician_sync.peer': peer,
      'maptician_sync.waited_ms': Math.round(waited),
    },
  });
  if (status === 'network' || status >= 400) failSpan(span, String(status));
  span.end(new Date(end));
}

function splitHost(host: string): [server: string, port: number | undefined] {
  const port = /:(\d+)$/.exec(host)?.[1];
  return port === undefined ? [host, undefined] : [host.slice(0, -port.length - 1), Number(port)];
}
