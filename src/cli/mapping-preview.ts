/** `mapping preview`: what a changed attribute table or changed scoping filters would do, before they are saved. */

import type { Preview } from '../cycle/preview.ts';
import { loadAttributeTable } from '../mapping/load-attribute-table.ts';
import { previewMapping as preview } from '../preview-mapping.ts';
import { loadScopingFilters } from '../scope/load-scoping-filters.ts';
import type { Service } from '../service.ts';
import { cell, howMany } from '../words.ts';
import { print, printJson, withService } from './command.ts';
import { renderTable } from './table.ts';

export interface PreviewOptions {
  readonly attributes?: string;
  readonly filters?: string;
  readonly json?: boolean;
}

export async function previewMapping(options: PreviewOptions): Promise<number> {
  return withService(options, async (service) => {
    const found = await previewFiles(service, options);
    if (options.json) printJson(found);
    else print(describePreview(found));
    return 0;
  });
}

async function previewFiles(service: Service, { attributes, filters }: PreviewOptions): Promise<Preview> {
  return preview(service, {
    table: attributes === undefined ? undefined : await loadAttributeTable(attributes),
    filters: filters === undefined ? undefined : await loadScopingFilters(filters, { needed: true }),
  });
}

function describePreview(preview: Preview): string {
  const { mirrored, inScope, actions, attributes, leave, enter, failures, removals, unknown } = preview;
  if (mirrored === 0) return 'Nothing has been read from Entra yet: run "maptician-sync plan" instead.';
  const rows = attributes.map(({ attribute, users, samples }) => [
    attribute,
    String(users),
    samples.map(({ user, before, after }) => `${cell(user)}: ${cell(before)} → ${cell(after)}`).join('\n'),
  ]);
  const summary = Object.entries(actions).map(([action, users]) => `${users} ${action}`);
  return [
    `Of ${howMany(mirrored, 'user')} in the mirror ${inScope} are in scope with these files.`,
    ...(rows.length === 0
      ? ['No account changes.']
      : ['', renderTable(['ATTRIBUTE', 'USERS', 'FOR INSTANCE'], rows), '']),
    `Would be done: ${summary.join(', ') || 'nothing'}.`,
    ...(leave.users === 0 ? [] : [`${howMany(leave.users, 'user')} would leave scope: ${named(leave)}`]),
    ...(enter.users === 0 ? [] : [`${howMany(enter.users, 'user')} would enter scope: ${named(enter)}`]),
    ...failures.map(({ reason, ...who }) => `${howMany(who.users, 'user')} would fail (${named(who)}): ${reason}`),
    ...(removals.users === 0 ? [] : [describeRemovals(removals)]),
    ...unknown.map((what) => `Not shown: ${what}. "maptician-sync plan" reads it, once the files are in use.`),
  ].join('\n');
}

function named({ users, samples }: Preview['leave']): string {
  return `${samples.map(cell).join(', ')}${users > samples.length ? ', …' : ''}`;
}

function describeRemovals({ users, activeAccounts, held }: Preview['removals']): string {
  const fate = held ? 'sync would hold them for approval' : 'sync would carry them out';
  return `${howMany(users, 'removal')} of ${howMany(activeAccounts, 'active account')}: ${fate}.`;
}
