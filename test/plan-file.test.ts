import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlan } from '../src/cycle/open-plan.ts';
import { installationOf, type PlanLine, toLine } from '../src/cycle/plan-format.ts';
import { createPlan } from '../src/cycle/save-plan.ts';

const expected = { instance: 'an id', userStore: 'postgres db.example/maptician' };
const about = {
  installation: installationOf(expected.instance),
  userStore: expected.userStore,
  fingerprint: 'f',
  waits: [],
};

const lineOf = (number: number): PlanLine =>
  toLine(
    {
      id: `5b1c1c8c-6f0e-4d53-9f0a-${String(number).padStart(12, '0')}`,
      action: number % 2 === 0 ? 'create' : 'update',
      userName: `Zoë${number}@contoso.example`,
      reason: 'assigned to the app',
      after: undefined,
      code: undefined,
      held: false,
      changes: [{ displayName: 'title', oldValue: null, newValue: 'Engineer "A"\u2028' }],
    },
    'ab'.repeat(16),
  );

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maptician-plan-'));
  path = join(folder, 'plan.ndjson');
});
afterAll(() => rm(folder, { recursive: true }));

async function save(lines: readonly PlanLine[]): Promise<string> {
  const file = await createPlan(path);
  await file.write(lines.slice(0, 1));
  await file.write(lines.slice(1));
  expect(await file.finish(about)).toBe(lines.length);
  await file.close();
  return readFile(path, 'utf8');
}

describe('the file of a plan', () => {
  it('has a header that counts, is read back line by line, and only by its owner', async () => {
    await writeFile(path, 'what stood there before', { mode: 0o644 });
    const lines = Array.from({ length: 2500 }, (_, number) => lineOf(number));
    await save(lines);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['plan.ndjson']);
    const plan = await openPlan(path, expected);
    expect(plan.header).toMatchObject({ version: 1, fingerprint: 'f', counts: { create: 1250, update: 1250 } });
    const read: PlanLine[] = [];
    for await (const batch of plan.lines()) read.push(...batch);
    expect(read).toEqual(lines);
    await save([]);
    for await (const batch of (await openPlan(path, expected)).lines()) expect(batch).toEqual([]);
  });

  it('is left as it was where a new plan is not finished', async () => {
    const before = await save([lineOf(1)]);
    const file = await createPlan(path);
    await file.write([lineOf(2)]);
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readdir(folder)).toEqual(['plan.ndjson']);
    await expect(createPlan(join(folder, 'none', 'plan'))).rejects.toMatchObject({ code: 'Misconfigured' });
  });

  it('is refused where it is not whole, was changed, or was made for something else', async () => {
    const content = await save([lineOf(1), lineOf(2)]);
    const [first = '', operation = '', second = '', end = ''] = content.split('\n');
    const refusal = async (changed: string, wanted = expected) => {
      await writeFile(path, changed);
      return openPlan(path, wanted).then(
        () => 'taken',
        (thrown: Error) => thrown.message,
      );
    };
    expect(await refusal(content)).toBe('taken');
    expect(await refusal(`${first}\n${operation}\n${second}\n`)).toContain('is cut off');
    expect(await refusal(content.slice(0, -40))).toContain('is damaged');
    expect(await refusal(`${first}\n${operation}\n${end}\n`)).toContain('was changed');
    expect(await refusal(`${first}\n${second}\n${operation}\n${end}\n`)).toContain('was changed');
    expect(await refusal(content.replace('"action":"create"', '"action":"delete"'))).toContain('was changed');
    expect(await refusal(content.replace('"fingerprint":"f"', '"fingerprint":"g"'))).toContain('was changed');
    expect(await refusal(`${content}${operation}\n`)).toContain('follows its end');
    expect(await refusal(content.replace('"version":1', '"version":2'))).toContain('version 2');
    expect(await refusal(content, { ...expected, instance: 'other' })).toContain('another state database');
    expect(await refusal(content, { ...expected, userStore: 'scim other' })).toContain('another user store');
    expect(await refusal('{"a":1}\n')).toContain('not a plan');
    expect(await refusal('')).toContain('is empty');
    await expect(openPlan(`${path}.none`, expected)).rejects.toMatchObject({ code: 'Misconfigured' });
  });
});
