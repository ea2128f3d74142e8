/** Opaque page and delta tokens: sealed with an HMAC, so that a token the emulator did not make is refused. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { badRequest, GraphFault, syncStateNotFound } from './graph-error.ts';

const deltaTokenSchema = z.strictObject({
  /** A page of a round, or the place the next round begins. */
  kind: z.enum(['page', 'place']),
  set: z.enum(['users', 'groups']),
  /** As given on the first request; null for the default. */
  select: z.string().nullable(),
  /** Ids of the `$filter`; null for all. */
  ids: z.array(z.string()).nullable(),
  /** `initial` walks the objects, `changes` walks the log. */
  phase: z.enum(['initial', 'changes']),
  /** Objects, or changes, that are behind. */
  position: z.int(),
  /** Members of the object at `position` that are behind. */
  offset: z.int(),
  /** Place in the log the round began after. */
  since: z.int(),
  /** Place in the log the round ends at, and its delta link begins at. */
  until: z.int(),
  /** Ids told on the page before that are to be told again. */
  again: z.array(z.string()),
  /** Whether the page before was left empty. */
  emptied: z.boolean(),
  issuedAt: z.number(),
  nonce: z.int(),
});

const listTokenSchema = z.strictObject({
  kind: z.literal('list'),
  /** The list it belongs to. */
  path: z.string(),
  position: z.int(),
  issuedAt: z.number(),
});

export type DeltaToken = z.infer<typeof deltaTokenSchema>;
type ListToken = z.infer<typeof listTokenSchema>;

export interface PageTokens {
  seal(token: DeltaToken | ListToken): string;
  /** Throws a GraphFault for a token that was tampered with, of another kind, or too old. */
  openDelta(text: string): DeltaToken;
  openList(text: string): ListToken;
}

/** @param lifetime how many milliseconds a token is good */
export function createPageTokens(key: string, now: () => number, lifetime: () => number): PageTokens {
  const signatureOf = (text: string): Buffer => createHmac('sha256', key).update(text).digest().subarray(0, 16);
  const open = (text: string): unknown => {
    const [payload = '', signature = ''] = text.split('.');
    const given = Buffer.from(signature, 'base64url');
    const expected = signatureOf(payload);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw badRequest('Badly formed token.');
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  };
  const fresh = (token: { issuedAt: number }): boolean => now() - token.issuedAt <= lifetime();

  return {
    seal(token) {
      const payload = Buffer.from(JSON.stringify(token)).toString('base64url');
      return `${payload}.${signatureOf(payload).toString('base64url')}`;
    },
    openDelta(text) {
      const { data } = deltaTokenSchema.safeParse(open(text));
      if (!data) throw badRequest('Badly formed token.');
      if (!fresh(data)) throw syncStateNotFound();
      return data;
    },
    openList(text) {
      const { data } = listTokenSchema.safeParse(open(text));
      if (!data) throw badRequest('Badly formed token.');
      if (!fresh(data)) {
        throw new GraphFault(400, 'Directory_ExpiredPageToken', 'The specified page token value has expired.');
      }
      return data;
    },
  };
}
