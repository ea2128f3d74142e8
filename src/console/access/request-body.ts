/** What no page or script of ours sends is refused before anybody reads it: bodies, and texts that no database keeps. */
import { MIMEType } from 'node:util';
import type { Context, MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';

interface Limits {
  readonly bytes: number;
  readonly size: string;
  /** Of a form. What reads forms takes microseconds for each, and nothing else is answered meanwhile. */
  readonly fields: number;
}

/** An attribute table is the largest that is sent, and the choice of a page of held users the form with the most fields. */
const signedIn: Limits = { bytes: 1024 * 1024, size: '1 MiB', fields: 2_000 };
/** Anybody may send these. */
const strangers: Limits = { bytes: 16 * 1024, size: '16 KiB', fields: 16 };

function limitsOf(path: string): Limits {
  return /^\/sign-in(\/|$)/.test(path) ? strangers : signedIn;
}

/** Postgres keeps no NUL in a text, and no name or address has one. Nor does an escape that stands for nothing mean anything. */
export const checkAddress: MiddlewareHandler<ConsoleEnv> = async (c, next) => {
  const { pathname, search } = new URL(c.req.url);
  if (`${pathname}${search}`.includes('%00')) throw hasNul('address');
  try {
    decodeURIComponent(pathname);
  } catch {
    throw badRequest('The address has a % that is followed by nothing that can be read.');
  }
  await next();
};

/** A length that is told is believed: Node reads no more than that. A body without one is read here, as far as it may go. */
export const limitBody: MiddlewareHandler<ConsoleEnv> = async (c, next) => {
  const { raw } = c.req;
  const limits = limitsOf(c.req.path);
  const told = raw.headers.has('transfer-encoding') ? undefined : raw.headers.get('content-length');
  if (Number(told ?? 0) > limits.bytes) throw tooMuch(limits);
  if (told == null && raw.body !== null) {
    const body = await readAtMost(raw.body, limits);
    const { url, method, headers, signal } = raw;
    // Not of `raw` itself: what the Node adapter passes for a request is none that can be copied.
    c.req.raw = new Request(url, { method, headers, signal, ...(body.length === 0 ? {} : { body }) });
  }
  await next();
};

async function readAtMost(stream: ReadableStream<Uint8Array>, limits: Limits): Promise<Buffer<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > limits.bytes) throw tooMuch(limits);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooMuch({ size }: Limits): HTTPException {
  return new HTTPException(413, { message: `That is too much: such a request may have ${size}.` });
}

function hasNul(where: 'address' | 'body'): HTTPException {
  return badRequest(`The ${where} has a NUL character (U+0000) in it, which nothing here can have.`);
}

/** What is read here is kept, so it is not read twice. */
export const checkBody: MiddlewareHandler<ConsoleEnv> = async (c, next) => {
  if (c.req.raw.body !== null) {
    const type = c.req.header('content-type') ?? '';
    try {
      if (/^application\/([\w.]+\+)?json\b/i.test(type)) await checkJson(c);
      else if (/^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type)) await checkForm(c, type);
    } catch (thrown) {
      if (thrown instanceof HTTPException) throw thrown;
      throw badRequest(`The body is not what its Content-Type says: ${type.slice(0, 60)}.`);
    }
  }
  await next();
};

async function checkJson(c: Context<ConsoleEnv>): Promise<void> {
  const text = await c.req.text();
  if (text.trim() === '') return;
  if (!text.includes(String.raw`\u0000`)) JSON.parse(text);
  else JSON.parse(text, (name, value: unknown) => refuseNul(name, value));
}

function refuseNul(name: string, value: unknown): unknown {
  if (name.includes('\0') || (typeof value === 'string' && value.includes('\0'))) throw hasNul('body');
  return value;
}

async function checkForm(c: Context<ConsoleEnv>, type: string): Promise<void> {
  const { fields } = limitsOf(c.req.path);
  if (hasMoreFields(Buffer.from(await c.req.arrayBuffer()), type, fields)) {
    throw new HTTPException(413, { message: `That is too much: such a form may have ${fields} fields.` });
  }
  for (const [name, value] of Object.entries(await c.req.parseBody({ all: true }))) {
    for (const one of [value].flat()) refuseNul(name, one);
  }
}

/** Counted in the bytes, since it is the reading that takes long. Rejects a multipart form that names no boundary. */
function hasMoreFields(body: Buffer, type: string, atMost: number): boolean {
  const { essence, params } = new MIMEType(type);
  const boundary = params.get('boundary') ?? '';
  const isMultipart = essence === 'multipart/form-data';
  if (isMultipart && boundary === '') throw badRequest('The multipart form names no boundary.');
  // A multipart form ends with one boundary more than it has fields, any other has one mark less than fields.
  const mark = isMultipart ? `--${boundary}` : '&';
  const marksAtMost = isMultipart ? atMost + 1 : atMost - 1;
  let marks = 0;
  for (let at = body.indexOf(mark); at !== -1; at = body.indexOf(mark, at + mark.length)) {
    marks += 1;
    if (marks > marksAtMost) return true;
  }
  return false;
}
