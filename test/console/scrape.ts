/** What `/metrics` answers, as a test wants to read it. */
import { expect } from 'vitest';
import type { ShownConsole } from './console-world.ts';

export interface Scrape {
  /** A sample's value by its name and labels as they stand there: `maptician_sync_users{set="linked"}`. */
  readonly value: (sample: string) => number | undefined;
  readonly text: string;
}

export async function scrape({ fetch }: Pick<ShownConsole, 'fetch'>): Promise<Scrape> {
  const answer = await fetch('/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=/);
  const text = await answer.text();
  const samples = new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))] as const;
      }),
  );
  return { text, value: (sample) => samples.get(sample) };
}
