/** Jobs a second where a job carries one user, as the SCIM user store takes them, beside BullMQ with nothing to do. */
import { z } from 'zod';
import { runChild } from '../child.ts';
import type { Stage } from '../stage.ts';
import { inTurn, type Measured } from './figure.ts';

const rounds = 5;
const jobsAtMost = 2000;

const speed = z.object({ jobs: z.number(), milliseconds: z.number() });

export async function oneUserJobs(stage: Stage, users: number): Promise<Measured[]> {
  const count = Math.min(users, jobsAtMost);
  const tenant = await stage.tenant(count);
  const measured: Measured[] = [];
  for (const backend of stage.backends) {
    const run = (file: string) => () =>
      stage.withState(backend, (state) => runChild(file, { jobs: count }, speed, { ...tenant, ...state }));
    const { empty, ours } = await inTurn(rounds, { empty: run('empty-jobs.ts'), ours: run('one-user-jobs.ts') });
    measured.push({
      figure: 'one-user-jobs',
      what: `${count} creates of one user a job, queue on ${backend}`,
      unit: 'jobs/s',
      ours: ours.map(perSecond),
      floor: { what: 'BullMQ, empty processor', samples: empty.map(perSecond) },
      aim: { atLeast: 0.5 },
    });
  }
  return measured;
}

function perSecond(run: z.infer<typeof speed>): number {
  return run.jobs / (run.milliseconds / 1000);
}
