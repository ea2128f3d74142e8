/** The table at the end, and the same as JSON with every sample. */
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { renderTable } from '../src/cli/table.ts';
import { packageRoot } from '../src/package-root.ts';
import { type Measured, median, percentile, ratio } from './figures/figure.ts';

export function table(measured: readonly Measured[]): string {
  return renderTable(
    ['', 'ours', 'floor', 'ratio', 'of the rounds', 'aim'],
    measured.map((one) => {
      const { ours, floor, unit } = one;
      const between = ratio(one);
      return [
        one.what,
        `${number(median(ours))} ${unit}`,
        floor ? `${number(median(floor.samples))} ${unit} (${floor.what})` : '',
        between === undefined ? '' : between.toFixed(2),
        floor ? spread(one) : '',
        aim(one),
      ];
    }),
  );
}

function spread({ ours, floor }: Measured): string {
  const ratios = ours.map((sample, round) => sample / (floor?.samples[round] ?? Number.NaN));
  return ratios.length < 2 ? '' : `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
}

function aim(one: Measured): string {
  if (one.aim === undefined) return '';
  if ('within' in one.aim) {
    const met = percentile(one.ours, 95) <= one.aim.within;
    return `19 of 20 within ${one.aim.within} ${one.unit}: ${met ? 'met' : 'not met'}`;
  }
  const between = ratio(one) ?? Number.NaN;
  const [words, met] =
    'atLeast' in one.aim
      ? [`at least ${one.aim.atLeast}`, between >= one.aim.atLeast]
      : [`at most ${one.aim.atMost}`, between <= one.aim.atMost];
  return `${words}: ${met ? 'met' : 'not met'}`;
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

export function machine(): Record<string, string | number> {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    platform: `${os.platform()} ${os.arch()}`,
    node: process.version,
    // Above the number of cores others were at work, too: then only the ratios mean something.
    load: Number(os.loadavg()[0]?.toFixed(1)),
  };
}

/** Writes `bench/results/latest.json` and resolves with its path. */
export async function writeResults(results: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = join(packageRoot, 'bench/results');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'latest.json');
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}
