/** Lets a few do something at a time; a few more wait for their turn, and whoever comes then is to come again later. */
import { HTTPException } from 'hono/http-exception';
import { SyncError } from '../errors.ts';

export interface Turns {
  /** Throws the refusal, status 429, where nobody else may wait now. */
  refuseWhenFull(): void;
  /** Does the work when it is its turn. Rejects with the refusal where nobody else may wait, with Interrupted when given up before. */
  take<T>(work: () => Promise<T>, options: { readonly signal: AbortSignal; readonly onWait?: () => void }): Promise<T>;
}

export interface TurnLimits {
  /** So many at a time. */
  readonly running: number;
  /** So many may wait. */
  readonly waiting: number;
  /** Said to whoever is refused, who may come again after so many seconds. */
  readonly refusal: string;
  readonly comeAgainAfter: number;
}

export function openTurns(limits: TurnLimits): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;

  const refuseWhenFull = () => {
    if (running < limits.running || waiting.length < limits.waiting) return;
    const res = new Response(null, { headers: { 'Retry-After': String(limits.comeAgainAfter) } });
    throw new HTTPException(429, { message: limits.refusal, res });
  };
  // Whoever is next takes the place over, so that nobody who comes at this moment slips in before.
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  const wait = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        waiting.splice(waiting.indexOf(begin), 1);
        reject(givenUp());
      };
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.push(begin);
    });

  return {
    refuseWhenFull,
    take: async (work, { signal, onWait }) => {
      refuseWhenFull();
      if (signal.aborted) throw givenUp();
      if (running < limits.running) running++;
      else {
        onWait?.();
        await wait(signal);
      }
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

function givenUp(): SyncError {
  return new SyncError('Interrupted', 'It was given up before its turn came; nothing was done');
}
