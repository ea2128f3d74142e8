/** `mapping preview`: what a changed attribute table or changed scoping filters would do, before they are saved. */

import { doneIn, remarksOn, sampleText } from '../cycle/describe-preview.ts';
import type { Preview } from '../cycle/preview.ts';
import { loadAttributeTable } from '../mapping/load-attribute-table.ts';
import { previewMapping as preview } from '../preview-mapping.ts';
import { loadScopingFilters } from '../scope/load-scoping-filters.ts';
import type { Service } from '../service.ts';
import { howMany } from '../words.ts';
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
  const { mirrored, inScope, attributes } = preview;
  if (mirrored === 0) return 'Nothing has been read from Entra yet: run "maptician-sync plan" instead.';
  const rows = attributes.map(({ attribute, users, samples }) => [
    attribute,
    String(users),
    samples.map(sampleText).join('\n'),
  ]);
  return [
    `Of ${howMany(mirrored, 'user')} in the mirror ${inScope} are in scope with these files.`,
    ...(rows.length === 0
      ? ['No account changes.']
      : ['', renderTable(['ATTRIBUTE', 'USERS', 'FOR INSTANCE'], rows), '']),
    doneIn(preview),
    ...remarksOn(preview),
  ].join('\n');
}
