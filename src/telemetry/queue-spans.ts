/** Spans of the queue: a job is below whatever put it there, across processes. */
import { ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import { type Span as QueueSpan, SpanKind, type Telemetry } from 'bullmq';
import { BullMQOTelSpan, BullMQOtel } from 'bullmq-otel';

/** What a queue and its workers are opened with. The context goes along in the options of a job, as W3C's `traceparent`. */
export function createQueueSpans(tracer: Tracer): Telemetry {
  const { contextManager } = new BullMQOtel();
  return {
    tracer: {
      startSpan: (name, options, context) =>
        options?.kind === SpanKind.INTERNAL
          ? passedOver
          : new BullMQOTelSpan(tracer.startSpan(name, { kind: options?.kind ?? SpanKind.INTERNAL }, context)),
    },
    contextManager: {
      with: (context, work) => contextManager.with(context, work),
      active: () => contextManager.active(),
      // Timers that run for ever must not hang below the job that happened to start them.
      root: () => ROOT_CONTEXT,
      getMetadata: (context) => contextManager.getMetadata(context),
      fromMetadata: (active, metadata) => contextManager.fromMetadata(active, metadata),
    },
  };
}

/** BullMQ's own housekeeping, such as a worker that asks for jobs: several spans a job that tell nobody anything. */
const passedOver: QueueSpan = {
  setSpanOnContext: (context) => context,
  setAttribute: () => undefined,
  setAttributes: () => undefined,
  addEvent: () => undefined,
  recordException: () => undefined,
  end: () => undefined,
};
