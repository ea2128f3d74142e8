import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { writeCsvFiles } from '../../src/cli/log-csv.ts';
import { csvFiles } from '../../src/log-export/csv.ts';
import { toProvisioningObjectSummary } from '../../src/log-record/summary.ts';
import type { LogRecord } from '../../src/state/provisioning-log.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { facts, recordOf } from './entries.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function written(pages: readonly (readonly LogRecord[])[]) {
  const folder = await mkdtemp(join(tmpdir(), 'maptician-sync-csv-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const summaries = pages.map((page) => page.map((record) => toProvisioningObjectSummary(record, facts)));
  async function* read() {
    yield* summaries;
  }
  const entries = await writeCsvFiles(join(folder, 'log'), read());
  const [logs = [], steps = [], properties = []] = await Promise.all(
    csvFiles.map(async (name) => parseCsv(await readFile(join(folder, 'log', `${name}.csv`), 'utf8'))),
  );
  return { folder: join(folder, 'log'), entries, logs, steps, properties, summaries: summaries.flat() };
}

it('three files are written that belong together by the change id, for their owner alone', async () => {
  const failure = { status: 'failure', code: 'Conflict', reason: 'taken', httpStatus: 409, attempt: 2 } as const;
  const { folder, entries, logs, steps, properties, summaries } = await written([
    [recordOf({ id: 2 })],
    [recordOf({ id: 1, ...failure, modified: [] })],
  ]);
  expect(entries).toBe(2);
  expect((await readdir(folder)).sort()).toEqual(csvFiles.map((name) => `${name}.csv`).sort());
  expect((await stat(join(folder, 'ProvisioningLogs.csv'))).mode & 0o077).toBe(0);
  expect(logs).toMatchObject([
    {
      id: summaries[0]?.id,
      changeId: summaries[0]?.changeId,
      status: 'success',
      errorCode: '',
      reason: 'attributes changed in Entra',
    },
    {
      status: 'failure',
      errorCode: 'Conflict',
      reason: 'taken. This operation was retried 1 time.',
      sourceIdentityName: 'ada@contoso.example',
    },
  ]);
  expect(steps.filter(({ changeId }) => changeId === summaries[1]?.changeId)).toHaveLength(5);
  expect(JSON.parse(steps.at(-1)?.details ?? '')).toEqual({ ErrorCode: 'Conflict', HttpStatusCode: '409' });
  expect(properties).toEqual([
    { changeId: summaries[0]?.changeId, displayName: 'title', oldValue: 'Chief', newValue: 'Surveyor' },
  ]);
});

it('whatever a value is, it is read as it was, and no spreadsheet takes it for a formula', async () => {
  const values = fc.sample(
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...'ab=",;\n\r é漢😀'.split(/(?:)/u)) }),
      fc.constantFrom('=1+1', '+49 30 1', '-2', '@a', '\t=1', '\r\n', ' "a", b ', "'"),
    ),
    100,
  );
  const { properties } = await written([
    [recordOf({ modified: values.map((newValue) => ({ displayName: 'title', oldValue: null, newValue })) })],
  ]);
  const read = properties.map(({ newValue }) => newValue ?? '');
  expect(read.filter((value) => /^[=+\-@\t\r\n]/.test(value))).toEqual([]);
  expect(
    read.map((value, index) => (/^'[=+\-@\t\r\n]/.test(value) && values[index] !== value ? value.slice(1) : value)),
  ).toEqual(values);
});
