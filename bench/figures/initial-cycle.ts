/** Users a second of an initial cycle, and the peak of memory it takes, beside a loop that only writes users. */
import { z } from 'zod';
import { runChild } from '../child.ts';
import type { Backend, Stage } from '../stage.ts';
import { inTurn, type Measured } from './figure.ts';

const rounds = 5;
/** As node-postgres has it by default. More of them help the loop on a machine with more than two cores. */
const connections = 10;
const inFlight = 50;

const speed = z.object({ users: z.number(), milliseconds: z.number(), peak: z.number() });
const cycle = z
  .object({ initial: z.object({ created: z.number(), milliseconds: z.number() }), peak: z.number() })
  .transform(({ initial, peak }) => ({ users: initial.created, milliseconds: initial.milliseconds, peak }));

export async function initialCycle(stage: Stage, users: number): Promise<Measured[]> {
  const tenant = await stage.tenant(users);
  const bareLoop = () =>
    stage.withState('postgres', (state) =>
      runChild('bare-loop.ts', { inFlight, connections }, speed, { ...tenant, ...state }),
    );
  const ours = (backend: Backend) => () =>
    stage.withState(backend, (state) => runChild('cycle.ts', { idleCycles: 0 }, cycle, { ...tenant, ...state }));

  const contestants: Record<string, () => Promise<z.infer<typeof speed>>> = { bareLoop };
  for (const backend of stage.backends) contestants[backend] = ours(backend);
  const { bareLoop: loop = [], ...cycles } = await inTurn(rounds, contestants);
  return [
    ...Object.entries(cycles).map(([backend, runs]) => ({
      figure: 'initial-cycle',
      what: `initial cycle of ${users} users, queue on ${backend}`,
      unit: 'users/s',
      ours: runs.map(perSecond),
      floor: { what: `bare loop, ${inFlight} in flight`, samples: loop.map(perSecond) },
      aim: { atLeast: 1 },
    })),
    ...Object.entries(cycles).map(([backend, runs]) => ({
      figure: 'initial-cycle',
      what: `peak memory of that, queue on ${backend}`,
      unit: 'MiB',
      ours: runs.map((run) => run.peak),
      floor: { what: 'bare loop', samples: loop.map((run) => run.peak) },
    })),
  ];
}

/** Disabled users are in the tenant, but neither side creates them. */
function perSecond(run: z.infer<typeof speed>): number {
  return run.users / (run.milliseconds / 1000);
}
