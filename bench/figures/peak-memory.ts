/** Whether the peak of memory follows the number of users: an initial cycle of a fifth of them. */
import { z } from 'zod';
import { runChild } from '../child.ts';
import type { Stage } from '../stage.ts';
import type { Measured } from './figure.ts';

export async function peakMemory(stage: Stage, users: number): Promise<Measured[]> {
  const fewer = Math.ceil(users / 5);
  const peakOf = async (count: number) => {
    const tenant = await stage.tenant(count);
    const { peak } = await stage.withState('postgres', (state) =>
      runChild('cycle.ts', { idleCycles: 0 }, z.object({ peak: z.number() }), { ...tenant, ...state }),
    );
    return peak;
  };
  const few = await peakOf(fewer);
  return [
    {
      figure: 'peak-memory',
      what: `peak memory of an initial cycle of ${users} users`,
      unit: 'MiB',
      ours: [await peakOf(users)],
      floor: { what: `the same of ${fewer} users`, samples: [few] },
    },
  ];
}
