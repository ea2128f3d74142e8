/** Users a second through an attribute table, beside a loop that fills the same fifteen attributes by hand. */
import { z } from 'zod';
import { runChild } from '../child.ts';
import type { Stage } from '../stage.ts';
import { inTurn, type Measured } from './figure.ts';

const rounds = 5;
/** Mapping is quick beside everything else, and so takes more users to measure. */
const times = 10;

const speed = z.object({ users: z.number().positive(), milliseconds: z.number() });

export async function mapping(_stage: Stage, users: number): Promise<Measured[]> {
  const count = users * times;
  const run = (way: string) => () => runChild('map-users.ts', { users: count, way }, speed, {});
  const { byHand, checked, shipped, nested } = await inTurn(rounds, {
    byHand: run('byHand'),
    checked: run('checked'),
    shipped: run('shipped'),
    nested: run('nested'),
  });
  const line = (what: string, runs: readonly z.infer<typeof speed>[]): Measured => ({
    figure: 'mapping',
    what: `${count} users ${what}`,
    unit: 'users/s',
    ours: runs.map(perSecond),
    floor: { what: 'filled by hand, unchecked', samples: byHand.map(perSecond) },
  });
  return [
    line('checked and mapped by the shipped table', shipped),
    line('checked and mapped by 15 nested expressions', nested),
    line('only checked', checked),
  ];
}

function perSecond(run: z.infer<typeof speed>): number {
  return run.users / (run.milliseconds / 1000);
}
