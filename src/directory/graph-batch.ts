/**
 * JSON batching (https://learn.microsoft.com/graph/json-batching): up to 20 GETs in one request. Each inner request is
 * throttled on its own, so each inner status is looked at and the failed ones are sent again.
 */
import { z } from 'zod';
import { SyncError } from '../errors.ts';
import { backoff, isThrottled, retryAfter } from '../http.ts';
import type { GraphClient } from './graph-client.ts';

export interface BatchAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The limit that Graph sets. */
export const batchSize = 20;
const attemptsAtMost = 6;
const throttledAttemptsAtMost = 60;
const retried = new Set([202, 408, 424, 429, 500, 502, 503, 504]);

const batchResponse = z.object({
  responses: z.array(
    z.object({
      id: z.string(),
      status: z.number(),
      headers: z.record(z.string(), z.string()).nullish(),
      body: z.unknown().optional(),
    }),
  ),
});

/**
 * Reads each URL (relative to the version, "/users/…"); answers in the order of the URLs. An answer that stayed a 429
 * or 5xx after its retries is returned as such: the caller must treat it as not read, never as absent.
 */
export async function getBatch(client: GraphClient, urls: readonly string[]): Promise<BatchAnswer[]> {
  const answers: (BatchAnswer | undefined)[] = urls.map(() => undefined);
  let open = urls.map((_, index) => index);
  for (let attempt = 1; open.length > 0; attempt++) {
    let wait = 0;
    let asked = false;
    const throttled: number[] = [];
    const again: number[] = [];
    for (let start = 0; start < open.length; start += batchSize) {
      const part = open.slice(start, start + batchSize);
      const requests = part.map((index) => ({ id: String(index), method: 'GET', url: urls[index] }));
      const { responses } = await client.post('/$batch', { requests }, batchResponse);
      const byId = new Map(responses.map((response) => [response.id, response]));
      for (const index of part) {
        const response = byId.get(String(index));
        if (response === undefined) throw new SyncError('UnexpectedAnswer', 'A $batch answer lacks some responses');
        answers[index] = { status: response.status, body: response.body };
        if (!retried.has(response.status)) continue;
        again.push(index);
        const header = Object.entries(response.headers ?? {}).find(([name]) => name.toLowerCase() === 'retry-after');
        const pause = retryAfter(header?.[1] ?? null, client.now());
        if (isThrottled(response.status, pause)) throttled.push(response.status);
        if (pause !== undefined) {
          asked = true;
          wait = Math.max(wait, pause);
        }
      }
    }
    open = again;
    const ends = open.length === 0 || attempt >= (asked ? throttledAttemptsAtMost : attemptsAtMost);
    const pause = ends ? 0 : Math.max(wait, asked ? 0 : backoff(attempt, client.random));
    const { host } = new URL(client.origin);
    for (const [place, status] of throttled.entries()) {
      const waited = place === 0 ? pause : 0;
      client.onRequest({ method: 'GET', host, status, attempt, duration: 0, waited, throttled: true, inner: true });
    }
    if (ends) break;
    await client.sleep(pause);
  }
  return answers.filter((answer) => answer !== undefined);
}
