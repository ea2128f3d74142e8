/** Cycles as a chart of their durations and outcomes, and as a table. */
import { html } from 'hono/html';
import type { Cycle } from '../../state/cycles.ts';
import { describeCounts } from '../../words.ts';
import { type Markup, moment, pill, table } from '../components.ts';
import { cycleTones } from './tones.ts';

const barWidth = 9;
const chartHeight = 72;
/** A cycle of no time at all is seen, too. */
const leastHeight = 3;

/** Milliseconds that a cycle took, or has taken until now. */
export function durationOf({ startedAt, endedAt }: Pick<Cycle, 'startedAt' | 'endedAt'>, now = new Date()): number {
  return Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime());
}

/** Milliseconds in words: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function describeDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Oldest at the left. Heights grow with the logarithm, since an initial cycle takes a thousand times as long as an idle one. */
export function cycleChart(newestFirst: readonly Cycle[]): Markup {
  const cycles = newestFirst.toReversed();
  const durations = cycles.map((cycle) => Math.log1p(durationOf(cycle)));
  const longest = Math.max(1, ...durations);
  const width = cycles.length * barWidth;
  const bars = cycles.map((cycle, index) => {
    const height = Math.max(leastHeight, ((durations[index] ?? 0) / longest) * chartHeight);
    const done = cycle.counts === null ? '' : `, ${describeCounts(cycle.counts) || 'nothing changed'}`;
    const title = `Cycle ${cycle.id}, ${cycle.startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC: ${cycle.state} after ${describeDuration(durationOf(cycle))}${done}`;
    return html`<a href="/cycles/${cycle.id}" aria-label="${title}"><rect class="${cycleTones[cycle.state]}" x="${index * barWidth}" y="${(chartHeight - height).toFixed(1)}" width="${barWidth - 2}" height="${height.toFixed(1)}" rx="1"><title>${title}</title></rect></a>`;
  });
  return html`<figure class="chart">
    <svg viewBox="0 0 ${width} ${chartHeight}" width="${width}" height="${chartHeight}" role="group" aria-label="Durations of the last ${cycles.length} cycles, oldest first">${bars}</svg>
    <figcaption>Durations of the last ${cycles.length} cycles, on a logarithmic scale; the longest took ${describeDuration(Math.max(...cycles.map((cycle) => durationOf(cycle))))}. <span class="key good">succeeded</span> <span class="key warn">partial: users failed, or are held</span> <span class="key bad">failed: it stopped</span> <span class="key calm">interrupted</span> <span class="key busy">running</span></figcaption>
  </figure>`;
}

export function cycleTable(cycles: readonly Cycle[]): Markup {
  return table(
    'The last cycles',
    ['Cycle', 'Kind', 'By', 'Began (UTC)', 'Took', 'Outcome', 'Done'],
    cycles.map((cycle) => [
      html`<a href="/cycles/${cycle.id}">${cycle.id}</a>`,
      cycle.kind,
      cycle.trigger,
      moment(cycle.startedAt),
      describeDuration(durationOf(cycle)),
      pill(cycleTones[cycle.state], cycle.state),
      cycle.counts === null ? '–' : describeCounts(cycle.counts) || 'nothing changed',
    ]),
  );
}
