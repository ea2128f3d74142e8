/** Bodies that no page or script of ours sends are refused before anybody reads them. */
import type { MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';

/** An attribute table is the largest that is sent. */
const bytesAtMost = 1024 * 1024;

/** A length that is told is believed: Node reads no more than that. A body without one is read here, as far as it may go. */
export const limitBody: MiddlewareHandler<ConsoleEnv> = async (c, next) => {
  const { raw } = c.req;
  const told = raw.headers.has('transfer-encoding') ? undefined : raw.headers.get('content-length');
  if (Number(told ?? 0) > bytesAtMost) throw tooMuch();
  if (told == null && raw.body !== null) {
    const body = await readAtMost(raw.body);
    const { url, method, headers, signal } = raw;
    // Not of `raw` itself: what the Node adapter passes for a request is none that can be copied.
    c.req.raw = new Request(url, { method, headers, signal, ...(body.length === 0 ? {} : { body }) });
  }
  await next();
};

async function readAtMost(stream: ReadableStream<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > bytesAtMost) throw tooMuch();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooMuch(): HTTPException {
  return new HTTPException(413, { message: 'That is too much: a request may have 1 MiB.' });
}

/** What is read here is kept, so it is not read twice. */
export const checkBody: MiddlewareHandler<ConsoleEnv> = async (c, next) => {
  if (c.req.raw.body !== null) {
    const type = c.req.header('content-type') ?? '';
    try {
      if (/^application\/([\w.]+\+)?json\b/i.test(type)) {
        const text = await c.req.text();
        if (text.trim() !== '') JSON.parse(text);
      } else if (/^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type)) {
        await c.req.formData();
      }
    } catch {
      throw badRequest(`The body is not what its Content-Type says: ${type.slice(0, 60)}.`);
    }
  }
  await next();
};
