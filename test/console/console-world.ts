/** A console over a world: real HTTP, in this process; it closes itself when the test has ended. */
import { onTestFinished } from 'vitest';
import { openConsole } from '../../src/console/open-console.ts';
import { openPeopled } from '../pipeline/peopled-world.ts';
import type { World, WorldOptions } from '../pipeline/world.ts';

export interface ShownConsole {
  /** Where it is, without a slash at the end. */
  readonly url: string;
  /** One request; redirects are not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A form, as a browser posts it from a page of the console. */
  post(path: string, fields?: Readonly<Record<string, string>>, init?: RequestInit): Promise<Response>;
  /** The text of a page, without its tags. */
  read(path: string): Promise<string>;
  /** Closes it as the service does when it ends; else the end of the test does. */
  close(): Promise<void>;
}

/** Opens the console of a world's service, which takes jobs of cycles too with `work`, as `start` does. */
export async function showConsole(world: World, { work = false } = {}): Promise<ShownConsole> {
  const service = await world.service();
  const stop = new AbortController();
  if (work) await service.work({ cycles: true, signal: stop.signal });
  const shown = await openConsole(service, { schedule: work, signal: stop.signal });
  if (shown === undefined) throw new Error('The console is switched off.');
  // As the service ends.
  const close = async () => {
    stop.abort();
    await shown.close();
  };
  onTestFinished(close);
  const fetchFrom: ShownConsole['fetch'] = (path, init) =>
    fetch(`${shown.url}${path}`, { redirect: 'manual', ...init });
  return {
    url: shown.url,
    close,
    fetch: fetchFrom,
    post: (path, fields = {}, init = {}) =>
      fetchFrom(path, {
        method: 'POST',
        body: new URLSearchParams(fields),
        ...init,
        headers: { Origin: shown.url, ...init.headers },
      }),
    read: async (path) => textOf(await (await fetchFrom(path)).text()),
  };
}

/** What a person would read of a page. */
export function textOf(html: string): string {
  const body = html.slice(html.indexOf('<main'));
  const plain = body.replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, ' ').replaceAll(/<[^>]+>/g, ' ');
  return plain
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** A world of plain people with its console. */
export async function openConsoleWorld(people: number, options: WorldOptions & { readonly work?: boolean } = {}) {
  const peopled = await openPeopled(people, {
    ...options,
    settings: { CONSOLE_LISTEN: '127.0.0.1:0', ...options.settings },
  });
  return { ...peopled, console: await showConsole(peopled.world, options) };
}
