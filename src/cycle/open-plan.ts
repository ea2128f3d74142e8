/** Reads a saved plan back, line by line. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { SyncError, toError } from '../errors.ts';
import {
  checksum,
  format,
  header,
  installationOf,
  line,
  type PlanHeader,
  type PlanLine,
  trailer,
  version,
} from './plan-format.ts';

export interface SavedPlan {
  readonly path: string;
  readonly header: PlanHeader;
  /** With which its fingerprints were made: the id of the state database, which is not in it. */
  readonly key: string;
  /** Reads the operations, in batches. Rejects where the file is not whole. */
  lines(): AsyncGenerator<readonly PlanLine[]>;
}

const batchSize = 1000;

/**
 * Opens a saved plan and reads all of it once. Rejects with SyncError Misconfigured where it is not a whole plan of this
 * version, or was made for another user store or with another state database.
 */
export async function openPlan(
  path: string,
  expected: { readonly instance: string; readonly userStore: string },
): Promise<SavedPlan> {
  const first = await readHeader(path);
  if (first.userStore !== expected.userStore) {
    throw refused(path, `it is for another user store (${first.userStore}) than the settings name`);
  }
  if (first.installation !== installationOf(expected.instance)) {
    throw refused(path, 'it was made with another state database (DATABASE_URL) than this one');
  }
  for await (const _ of readLines(path));
  return { path, header: first, key: expected.instance, lines: () => readLines(path) };
}

function refused(path: string, why: string): SyncError {
  return new SyncError(
    'Misconfigured',
    `The plan ${path} cannot be used: ${why}. Make a new one: maptician-sync plan --save ${path}`,
  );
}

async function readHeader(path: string): Promise<PlanHeader> {
  for await (const text of rawLines(path)) return parseHeader(path, text);
  throw refused(path, 'it is empty');
}

function parseHeader(path: string, text: string): PlanHeader {
  const found = parse(text);
  const about = z.object({ format: z.literal(format), version: z.unknown() }).safeParse(found);
  if (!about.success) throw refused(path, 'it is not a plan of maptician-sync');
  if (about.data.version !== version) {
    throw refused(path, `it is of version ${JSON.stringify(about.data.version)}, and this is for version ${version}`);
  }
  const parsed = header.safeParse(found);
  if (!parsed.success) throw refused(path, 'its first line is damaged');
  return parsed.data;
}

async function* readLines(path: string): AsyncGenerator<readonly PlanLine[]> {
  const body = createHash('sha256');
  let firstLine: string | undefined;
  let batch: PlanLine[] = [];
  let operations = 0;
  let ended = false;
  for await (const text of rawLines(path)) {
    if (ended) throw refused(path, 'something follows its end');
    if (firstLine === undefined) {
      parseHeader(path, text);
      firstLine = `${text}\n`;
      continue;
    }
    const found = parse(text);
    const last = trailer.safeParse(found);
    if (last.success) {
      const whole = last.data.operations === operations && last.data.sha256 === checksum(firstLine, body.digest('hex'));
      if (!whole) throw refused(path, 'it was changed after it was saved');
      ended = true;
      continue;
    }
    const parsed = line.safeParse(found);
    if (!parsed.success) throw refused(path, `line ${operations + 2} is damaged`);
    body.update(`${text}\n`);
    operations += 1;
    batch.push(parsed.data);
    if (batch.length === batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (!ended) throw refused(path, 'it is cut off');
  if (batch.length > 0) yield batch;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* rawLines(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, 'utf8');
  try {
    yield* createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (thrown) {
    if (thrown instanceof SyncError) throw thrown;
    throw new SyncError('Misconfigured', `The plan ${path} cannot be read: ${toError(thrown).message}`);
  } finally {
    stream.destroy();
  }
}
