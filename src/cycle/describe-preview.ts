/** A preview in words, for the command line and the console. */
import { cell, howMany } from '../words.ts';
import type { Preview } from './preview.ts';

/** What would be done, by kinds. */
export function doneIn({ actions }: Preview): string {
  const done = Object.entries(actions).map(([action, users]) => `${users} ${action}`);
  return `Would be done: ${done.join(', ') || 'nothing'}.`;
}

/** One change of an attribute. */
export function sampleText({ user, before, after }: Preview['attributes'][number]['samples'][number]): string {
  return `${cell(user)}: ${cell(before)} → ${cell(after)}`;
}

/** Who would leave, enter, fail or be removed, and what is not known, a sentence each. */
export function remarksOn({ leave, enter, failures, removals, unknown }: Preview): string[] {
  return [
    ...(leave.users === 0 ? [] : [`${howMany(leave.users, 'user')} would leave scope: ${named(leave)}`]),
    ...(enter.users === 0 ? [] : [`${howMany(enter.users, 'user')} would enter scope: ${named(enter)}`]),
    ...failures.map(({ reason, ...who }) => `${howMany(who.users, 'user')} would fail (${named(who)}): ${reason}`),
    ...(removals.users === 0 ? [] : [removalsIn(removals)]),
    ...unknown.map((what) => `Not shown: ${what}. Once the files are in use, "maptician-sync plan" reads it.`),
  ];
}

function named({ users, samples }: Preview['leave']): string {
  return `${samples.map(cell).join(', ')}${users > samples.length ? ', …' : ''}`;
}

function removalsIn({ users, activeAccounts, held }: Preview['removals']): string {
  const fate = held ? 'a cycle would hold them for approval' : 'a cycle would carry them out';
  return `${howMany(users, 'removal')} of ${howMany(activeAccounts, 'active account')}: ${fate}.`;
}
