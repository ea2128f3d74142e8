/** How soon the console's pages come where there are many users, beside the same server with an empty page. */
import { z } from 'zod';
import { runChild } from '../child.ts';
import type { Stage } from '../stage.ts';
import { type Measured, percentile } from './figure.ts';

const rounds = 60;
/** A page is quick beside a cycle, and so takes more users to measure. */
const times = 10;
/** Milliseconds in which a page is to come. */
const aim = 200;

const measuredPages = z.array(
  z.object({ page: z.string(), milliseconds: z.array(z.number()), floor: z.array(z.number()) }),
);

export async function consolePages(stage: Stage, users: number): Promise<Measured[]> {
  const count = users * times;
  const tenant = await stage.tenant(10);
  const { pages } = await stage.withState('postgres', (state) =>
    runChild('console-pages.ts', { users: count, rounds }, z.object({ pages: measuredPages }), { ...tenant, ...state }),
  );
  return pages.map(({ page, milliseconds, floor }) => ({
    figure: 'console-pages',
    what: `${page} at ${count} users (p95 ${percentile(milliseconds, 95).toFixed(1)}, at most ${Math.max(...milliseconds).toFixed(1)})`,
    unit: 'ms',
    ours: milliseconds,
    floor: { what: 'an empty page', samples: floor },
    aim: { within: aim },
  }));
}
