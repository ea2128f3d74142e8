/**
 * Prints the software bill of materials of what is shipped, as CycloneDX 1.5 JSON: `npm run --silent sbom > sbom.cdx.json`.
 * npm makes it of the lock file. What differs from run to run and from folder to folder is taken out, so that the same lock
 * gives the same bytes; and so are tools, since npm's own --omit=dev leaves out what both a tool and the service need. With SOURCE_DATE_EPOCH (seconds, https://reproducible-builds.org/specs/source-date-epoch/) it has a time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../src/package-root.ts';
import { lockSchema, shippedRefs } from './dependencies.ts';

/** Named in the order in which they are printed. */
const bom = z.looseObject({
  $schema: z.string(),
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string(),
  serialNumber: z.string(),
  version: z.number(),
  metadata: z.looseObject({ component: z.looseObject({ 'bom-ref': z.string() }) }),
  components: z.array(z.looseObject({ 'bom-ref': z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

const { SOURCE_DATE_EPOCH: epoch } = process.env;
const npm = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
const made = execFileSync('npm', npm, { cwd: packageRoot, encoding: 'utf8', maxBuffer: 2 ** 26 });
const parsed = bom.parse(JSON.parse(made));
const shipped = shippedRefs(lockSchema.parse(JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8'))));
const self = parsed.metadata.component['bom-ref'];
const { timestamp: _, component, ...metadata } = parsed.metadata;
const content = {
  ...parsed,
  serialNumber: '',
  metadata: {
    ...(epoch === undefined ? {} : { timestamp: new Date(Number(epoch) * 1000).toISOString() }),
    ...metadata,
    // npm names it after the folder.
    component: { ...component, type: 'application', name: 'maptician-sync' },
  },
  components: parsed.components.filter((part) => shipped.has(part['bom-ref'])),
  dependencies: parsed.dependencies
    .filter(({ ref }) => ref === self || shipped.has(ref))
    .map((one) => ({ ...one, dependsOn: one.dependsOn.filter((ref) => shipped.has(ref)) })),
};
process.stdout.write(`${JSON.stringify({ ...content, serialNumber: serialOf(content) }, null, 2)}\n`);

/** A UUID of what it is about (version 8, RFC 9562: made as the maker likes). */
function serialOf(value: unknown): string {
  const hex = createHash('sha256').update(JSON.stringify(value)).digest('hex');
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
