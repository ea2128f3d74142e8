/** What every HTTP client here does alike: when to come back, how much to read, and what to call a broken connection. */
import { SyncError } from './errors.ts';

/** One request as it was sent, and what came of it. No address: that of a search holds a name. */
export interface RequestEvent {
  readonly method: string;
  /** Host, and port where the address has one. */
  readonly host: string;
  readonly status: number | 'network';
  readonly attempt: number;
  /** Milliseconds until the whole answer was there, or the connection had failed. */
  readonly duration: number;
  /** Milliseconds that it was kept back before: for its turn, a Retry-After, or the pause after a failure. */
  readonly waited: number;
  /** The other side asked for patience: 429, or 503 with Retry-After. */
  readonly throttled: boolean;
  /** Went along in a batch, which is told of as a request of its own; told of only where it was throttled. */
  readonly inner?: true;
}

export type OnRequest = (event: RequestEvent) => void;

/** Whether an answer asks for patience (RFC 6585 section 4, RFC 9110 section 15.6.4). */
export function isThrottled(status: number, asked: number | undefined): boolean {
  return status === 429 || (status === 503 && asked !== undefined);
}

const firstDelay = 500;
const longestDelay = 30_000;
/** A page of 200 users is some 200 KiB; beyond this it is no answer to a request of ours. */
const bodyBytesAtMost = 64 * 1024 * 1024;

/**
 * Milliseconds that a Retry-After header asks for: whole or fractional seconds, or an HTTP date (RFC 9110 section
 * 10.2.3; Graph sends fractions). Undefined where it says neither.
 */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const date = Date.parse(text);
  // An HTTP date has no fraction: half a second of it may have been cut off on the way.
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Milliseconds: exponential with full jitter above half, so that replicas do not come back in step. */
export function backoff(attempt: number, random: () => number): number {
  const ceiling = Math.min(longestDelay, firstDelay * 2 ** (attempt - 1));
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** The whole body as text. `peer` is whose it is, for the UnexpectedAnswer that an endless one is. */
export async function readBody(response: Response, peer: string): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > bodyBytesAtMost) throw new SyncError('UnexpectedAnswer', `An answer of ${peer} was larger than 64 MiB`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The system's word for a failed connection (ECONNREFUSED, …), which holds neither addresses nor names. */
export function networkReason(error: Error): string {
  const cause = error.cause;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  if (error instanceof SyntaxError || error.message === 'terminated') return 'the answer was cut off';
  return error.message === 'fetch failed' ? error.message : error.name;
}
