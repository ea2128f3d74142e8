/** Whether the service could work now: its state database and its queue answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../service.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Which part answers, and no more: anybody may read it. */
  readonly database: 'ok' | 'unavailable';
  readonly queue: 'ok' | 'unavailable';
}

/** Milliseconds that a part is given to answer. */
const within = 2_000;
/** Milliseconds for which an answer serves everybody else who asks: whoever asks often costs nothing. */
const keptFor = 1_000;

/** Asks both parts, at most once at a time. */
export function createReadiness({ database, queue }: Pick<Service, 'database' | 'queue'>): () => Promise<Readiness> {
  let asking: Promise<Readiness> | undefined;
  const ask = async (): Promise<Readiness> => {
    const [state, jobs] = await Promise.all([
      answers(async () => database.pool.query('select 1')),
      answers(async () => (await queue()).depth('cycles')),
    ]);
    return {
      ready: state && jobs,
      database: state ? 'ok' : 'unavailable',
      queue: jobs ? 'ok' : 'unavailable',
    };
  };
  return () => {
    asking ??= ask().finally(() => {
      setTimeout(() => {
        asking = undefined;
      }, keptFor).unref();
    });
    return asking;
  };
}

async function answers(question: () => Promise<unknown>): Promise<boolean> {
  const answered = question().then(
    () => true,
    () => false,
  );
  return Promise.race([answered, sleep(within, false, { ref: false })]);
}
