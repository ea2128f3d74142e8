/** The frame of every page. */
import type { Context } from 'hono';
import { html } from 'hono/html';
import type { Content, Markup } from './components.ts';
import type { ConsoleEnv } from './context.ts';

export const sections = [
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
export async function page(c: Context<ConsoleEnv>, { title, section, body, done }: Page): Promise<Response> {
  const viewer = c.get('viewer');
  const content = html`<!doctype html>
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
  return c.html(content);
}

function who(name: string, role: string, session: boolean): Markup {
  return html`<div class="who"><span>${name} <small>${role}</small></span>${session ? html`<form method="post" action="/sign-out"><button>Sign out</button></form>` : ''}</div>`;
}
