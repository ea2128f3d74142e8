/** A collector: takes OTLP over HTTP with protobuf (https://opentelemetry.io/docs/specs/otlp/), and keeps the spans. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  /** Empty for the root of a trace. */
  readonly parentId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The word of an error; undefined for none. */
  readonly error: string | undefined;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[];
}

export async function openOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: OtlpReceiver['requests'][number][] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    requests.push({ path: request.url ?? '', headers: request.headers, body });
    spans.push(...decodeRequest(body));
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, requests };
}

type Field = bigint | Buffer;
type Message = ReadonlyMap<number, readonly Field[]>;

/** Any message, by the numbers of its fields (https://protobuf.dev/programming-guides/encoding/). */
function decode(bytes: Buffer): Message {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : Number(varint()));
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

const messages = (message: Message | undefined, field: number): Message[] =>
  (message?.get(field) ?? []).flatMap((value) => (typeof value === 'bigint' ? [] : [decode(value)]));
const bytesOf = (message: Message | undefined, field: number): Buffer => {
  const value = message?.get(field)?.[0];
  return typeof value === 'object' ? value : Buffer.alloc(0);
};

/** `ExportTraceServiceRequest` of opentelemetry/proto/collector/trace/v1. */
function decodeRequest(body: Buffer): ReceivedSpan[] {
  return messages(decode(body), 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1)[0], 1);
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => ({
        traceId: bytesOf(span, 1).toString('hex'),
        id: bytesOf(span, 2).toString('hex'),
        parentId: bytesOf(span, 4).toString('hex'),
        name: bytesOf(span, 5).toString(),
        attributes: attributesOf(span, 9),
        error: messages(span, 15).map((status) =>
          status.get(3)?.[0] === 2n ? bytesOf(status, 2).toString() : undefined,
        )[0],
        resource,
      })),
    );
  });
}

function attributesOf(message: Message | undefined, field: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(message, field).map((pair) => {
      const value = messages(pair, 2)[0];
      const number = value?.get(3)?.[0];
      return [bytesOf(pair, 1).toString(), typeof number === 'bigint' ? Number(number) : bytesOf(value, 1).toString()];
    }),
  );
}
