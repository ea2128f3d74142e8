/** What groups are called, for people to read; never needed for anything else. */
import { z } from 'zod';
import { SyncError } from '../errors.ts';
import { inTime } from '../in-time.ts';
import { getBatch } from './graph-batch.ts';
import type { PullContext } from './pull-context.ts';

const group = z.object({ displayName: z.string().nullish() });

/** Whoever asks is not made to wait for longer. */
const answerWithin = 5_000;

/** The names of those groups that can be read in time; the others are left out. Never rejects. */
export async function groupNames(
  open: (cycle: {
    readonly signal: AbortSignal;
    readonly progress: PullContext['progress'];
    readonly warn: (message: string) => void;
  }) => Promise<PullContext>,
  ids: readonly string[],
  within = answerWithin,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  if (ids.length === 0) return names;
  try {
    const ignore = () => undefined;
    const reading = open({ signal: AbortSignal.timeout(within), progress: ignore, warn: ignore }).then(({ graph }) =>
      getBatch(
        graph,
        ids.map((id) => `/groups/${id}?$select=displayName`),
      ),
    );
    // A sign-in does not hear of the signal.
    const answers = await inTime(reading, within, () => new SyncError('Timeout', 'Entra did not answer in time'));
    for (const [index, { body }] of answers.entries()) {
      const name = group.safeParse(body).data?.displayName;
      const id = ids[index];
      if (id !== undefined && typeof name === 'string') names.set(id, name);
    }
  } catch {
    // The ids say enough.
  }
  return names;
}
