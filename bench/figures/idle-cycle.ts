/** What a cycle costs in which nothing has changed, beside reading the same lists and doing nothing with them. */
import { z } from 'zod';
import { runChild } from '../child.ts';
import type { Stage } from '../stage.ts';
import type { Measured } from './figure.ts';

const rounds = 5;

const idle = z.object({
  idle: z.array(
    z.object({ milliseconds: z.number(), requests: z.number(), statements: z.number(), created: z.literal(0) }),
  ),
  reads: z.array(z.object({ milliseconds: z.number(), requests: z.number() })),
});

export async function idleCycle(stage: Stage, users: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const count of [Math.ceil(users / 10), users]) {
    const tenant = await stage.tenant(count);
    const runs = await stage.withState('postgres', (state) =>
      runChild('cycle.ts', { idleCycles: rounds }, idle, { ...tenant, ...state }),
    );
    const what = `idle cycle at ${count} users`;
    const floor = 'the same lists, only read';
    measured.push(
      {
        figure: 'idle-cycle',
        what,
        unit: 'ms',
        ours: runs.idle.map((cycle) => cycle.milliseconds),
        floor: { what: floor, samples: runs.reads.map((read) => read.milliseconds) },
      },
      {
        figure: 'idle-cycle',
        what,
        unit: 'requests',
        ours: runs.idle.map((cycle) => cycle.requests),
        floor: { what: floor, samples: runs.reads.map((read) => read.requests) },
      },
      { figure: 'idle-cycle', what, unit: 'SQL statements', ours: runs.idle.map((cycle) => cycle.statements) },
    );
  }
  return measured;
}
