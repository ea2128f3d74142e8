/** Sentences that name commands, for people who have buttons. */
import { html } from 'hono/html';
import type { Content } from './components.ts';

const command =
  /"?maptician-sync (approve (\d+), or reject \d+|log --status failure|drift --repair|mapping test|plan --save FILE|[a-z-]+)"?/g;

/**
 * A sentence of the command line in the console's words: a command that has a place here becomes a link to it; the others stay
 * what they are, without the program's name.
 */
export function spoken(sentence: string): Content {
  const parts: Content[] = [];
  let from = 0;
  for (const match of sentence.matchAll(command)) {
    const [whole, named = '', set] = match;
    parts.push(sentence.slice(from, match.index), set === undefined ? placeOf(named) : heldSet(set));
    from = match.index + whole.length;
  }
  return [...parts, sentence.slice(from)];
}

function heldSet(set: string): Content {
  return html`<a href="/held#set-${set}">approve or reject set ${set}</a>`;
}

function placeOf(named: string): Content {
  switch (named) {
    case 'provision':
      return html`<strong>Provision now</strong>`;
    case 'sync':
      return html`<a href="/">a cycle</a>`;
    case 'resume':
      return html`<a href="/">Resume</a>`;
    case 'status':
      return html`<a href="/">see the overview</a>`;
    case 'log --status failure':
      return html`<a href="/failures">the failures</a>`;
    case 'mapping test':
      return html`<a href="/mapping">the expression tester</a>`;
    default:
      return html`the command <code>${named}</code>`;
  }
}
