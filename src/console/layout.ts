/** The frame of every page. */
import type { Context } from 'hono';
import { html, raw } from 'hono/html';
import { stream } from 'hono/streaming';
import type { Content, Markup } from './components.ts';
import type { ConsoleEnv, Viewer } from './context.ts';

const sections = [
  ['/', 'Overview'],
  ['/users', 'Users'],
  ['/log', 'Provisioning log'],
  ['/held', 'Held'],
  ['/failures', 'Failures'],
  ['/mapping', 'Mapping'],
  ['/settings', 'Settings'],
  ['/queue', 'Queue'],
] as const;

export interface Page {
  readonly title: string;
  /** The section it belongs to. */
  readonly section?: (typeof sections)[number][0];
  readonly body: Content;
  /** Said at its top, after something was done. */
  readonly done?: Content;
}

/** Renders a page. Where a part of it moves by itself, that part is `<section data-live id="…">`: a script fetches the page again. */
export async function page(c: Context<ConsoleEnv>, content: Page): Promise<Response> {
  return c.html(frame(c.get('viewer'), content));
}

/** What a page that grows is written with. */
export interface Growing {
  /** Shows more at the end of the page. */
  add(content: Content): Promise<void>;
  /** Aborted when nobody looks any more. */
  readonly signal: AbortSignal;
}

const end = '<!-- end of what grows -->';

/** A page whose body grows as things happen: `write` adds to it, and when it has resolved the page is whole. */
export async function growingPage(
  c: Context<ConsoleEnv>,
  content: Omit<Page, 'body'>,
  write: (page: Growing) => Promise<void>,
  onError: (thrown: unknown) => Content,
): Promise<Response> {
  const whole = String(await frame(c.get('viewer'), { ...content, body: raw(end) }));
  const place = whole.indexOf(end);
  c.header('Content-Type', 'text/html; charset=UTF-8');
  // A proxy that waits for the whole page would show nothing meanwhile.
  c.header('X-Accel-Buffering', 'no');
  c.header('Cache-Control', 'no-store');
  return stream(c, async (output) => {
    const gone = new AbortController();
    output.onAbort(() => gone.abort());
    const add = async (more: Content) => void (await output.write(String(await html`${more}`)));
    await output.write(whole.slice(0, place));
    await write({ add, signal: AbortSignal.any([gone.signal, c.req.raw.signal]) }).catch((thrown: unknown) =>
      add(onError(thrown)),
    );
    await output.write(whole.slice(place + end.length));
  });
}

function frame(viewer: Viewer | undefined, { title, section, body, done }: Page): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title} · maptician-sync</title>
  <link rel="stylesheet" href="/assets/console.css">
  <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
  <script src="/assets/console.js" defer></script>
</head>
<body>
  <a class="skip" href="#content">Skip to the content</a>
  <header>
    <a class="brand" href="/">maptician-sync</a>
    <nav aria-label="Sections">${viewer === undefined ? '' : sections.map(([href, name]) => html`<a href="${href}"${href === section ? html` aria-current="page"` : ''}>${name}</a>`)}</nav>
    ${viewer === undefined ? '' : who(viewer.name, viewer.role, viewer.session)}
  </header>
  <main id="content" tabindex="-1">
    <h1>${title}</h1>
    ${done === undefined ? '' : html`<div class="notice good" role="status">${done}</div>`}
    ${body}
  </main>
</body>
</html>`;
}

function who(name: string, role: string, session: boolean): Markup {
  return html`<div class="who"><span>${name} <small>${role}</small></span>${session ? html`<form method="post" action="/sign-out"><button>Sign out</button></form>` : ''}</div>`;
}
