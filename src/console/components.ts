/** What pages are put together from. Everything given is escaped, unless it is HTML already. */

import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { cell } from '../words.ts';

/** A piece of HTML. */
export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;
/** What may stand in a page: text is escaped. */
export type Content = Markup | string | number | null | undefined | readonly Content[];

/** How a state looks; each also says its word, since colour alone says nothing to some. */
export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'calm';

export function pill(tone: Tone, text: string): Markup {
  return html`<span class="pill ${tone}">${text}</span>`;
}

/** A moment in UTC, to the second; a dash where there is none. A script adds the local time as a tooltip. */
export function moment(time: Date | null | undefined): Markup | string {
  if (time === null || time === undefined) return '–';
  const iso = time.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;
}

/** A value from elsewhere; what is not there is a dash. */
export function value(given: string | number | boolean | null | undefined): string {
  return cell(given);
}

/** A table that scrolls by itself where it is too wide. `caption` is for who does not see it. */
export function table(caption: string, head: readonly Content[], rows: readonly (readonly Content[])[]): Markup {
  return html`<div class="table" role="region" aria-label="${caption}" tabindex="0"><table>
    <caption class="unseen">${caption}</caption>
    <thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((content) => html`<td>${content}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

/** Names with their values. */
export function facts(entries: readonly (readonly [string, Content])[]): Markup {
  return html`<dl class="facts">${entries.map(([name, content]) => html`<div><dt>${name}</dt><dd>${content}</dd></div>`)}</dl>`;
}

/** Something to take note of; `bad` is read out at once. */
export function notice(tone: Tone, content: Content): Markup {
  return html`<div class="notice ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">${content}</div>`;
}

/** What is said of something done, by the word that the address of the page has for it; nothing for a word that is none of ours. */
export function doneText(words: Readonly<Record<string, string>>, word: string | undefined): string | undefined {
  return word !== undefined && Object.hasOwn(words, word) ? words[word] : undefined;
}

/** What stands where nothing is. */
export function empty(text: Content): Markup {
  return html`<p class="empty">${text}</p>`;
}

export interface Lever {
  /** Where it is posted to. */
  readonly action: string;
  readonly label: string;
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly tone?: 'primary' | 'danger';
  /** What it does, where somebody should read that before: then the button stands behind a first one. */
  readonly explain?: Content;
  /** More of the form, such as inputs. */
  readonly body?: Content;
}

/** A button that changes something. */
export function lever({ action, label, fields = {}, tone, explain, body }: Lever): Markup {
  const form = html`<form method="post" action="${action}">
    ${Object.entries(fields).map(([name, content]) => html`<input type="hidden" name="${name}" value="${content}">`)}${body ?? ''}
    <button class="${tone ?? ''}">${label}</button>
  </form>`;
  if (explain === undefined) return form;
  return html`<details class="lever"><summary class="button ${tone ?? ''}">${label}…</summary><div class="sheet"><p>${explain}</p>${form}</div></details>`;
}

/** To the next page of a list, where there is one. */
export function nextPage(href: string | undefined): Markup | string {
  return href === undefined
    ? ''
    : html`<nav class="pager" aria-label="Pages"><a rel="next" href="${href}">Next page</a></nav>`;
}
