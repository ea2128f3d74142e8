import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../src/log.ts';
import { openDatabase } from '../src/state/database.ts';
import { runCommand, someTenant } from './support/command.ts';
import { migrations } from './support/older-schema.ts';
import { openTestState } from './support/state-database.ts';

const last = migrations.at(-1) ?? '';

/** A state database whose history was changed; whoever opens it leaves that as it is. */
async function openChanged(change: string) {
  const state = await openTestState();
  onTestFinished(() => state.close());
  await state.pool.query(change);
  const history = async () => (await state.pool.query('select id, name, run_on from migrations order by id')).rows;
  const before = await history();
  onTestFinished(async () => expect(await history()).toEqual(before));
  return state;
}

const open = async ({ url }: { readonly url: string }) =>
  (await openDatabase({ databaseUrl: url, home: '/nowhere', log: createLog('silent') })).close();

describe('a state database that this version did not make', () => {
  it('is left alone where a newer version has upgraded it, and the way on is said', async () => {
    const { url } = await openChanged("insert into migrations (name, run_on) values ('9999_of_tomorrow', now())");
    expect(await runCommand(['start'], { ...someTenant, DATABASE_URL: url })).toEqual({
      status: 2,
      stdout: expect.stringMatching(/^\{"error":\{"code":"SchemaVersion"[^\n]*\n$/),
      stderr: expect.stringMatching(
        new RegExp(
          `^The state database was upgraded by a newer version of maptician-sync: it is at 9999_of_tomorrow, and this version knows no more than ${last}\\. Nothing was changed\\.\nRun the version of maptician-sync that .* restore the backup .*\n$`,
        ),
      ),
    });
  });

  it.each([
    ['lacks one in the middle', "delete from migrations where name like '0003%'", 'by another build'],
    ['had two in another order', `update migrations set id = -id where name = '${last}'`, 'out of order'],
    ['has another one', "update migrations set name = '0002_else' where name like '0002%'", 'it has 0002_else where'],
  ])('is left alone where it %s', async (_what, change, words) => {
    await expect(open(await openChanged(change))).rejects.toMatchObject({
      code: 'SchemaVersion',
      message: expect.stringContaining(words),
    });
  });

  it('is no matter of the clock, which may have been set back between two upgrades', async () => {
    await open(await openChanged(`update migrations set run_on = now() - interval '1 year' where name = '${last}'`));
  });
});

/**
 * Of those that a release has, the SHA-256 of each. Whoever has run one has what it said then: a change of it reaches nobody,
 * so it belongs into a new one. A release adds its own here.
 */
const released: Readonly<Record<string, string>> = {
  '0001_initial': 'f658e7049ed89e8883f33341a20f1868548222ec829769a07dea466c738bda61',
  '0002_scim': '98679a0f08aad955c7903e3f6e4b900d50aa622d4a3523200d11eaedb3293f4f',
  '0003_mapping': '2fb10004090e8492fdbb16d7563ee3cfb7e2eff1e657e68c8a9118b84fa63ec3',
  '0004_job': '8f1bece66bb3f5c86afb33846be4d6425c40b4b2ddb06eb66176b3ae7d8a4d8f',
  '0005_removals': '3edfcb4db1ba0ea702d2e854ba5faadd4b6a7a8ea465a4a2f8149b90fe747257',
  '0006_provisioning_log': '85f9a8aad4d89a911b95446a20fcd4fa55378def4cd1d7cb7592b29b2a3beb68',
  '0007_notifications': 'e10b221f9ad22dd03333f58e331000d2b4d37041ca5a1f2046648a0d79caacc4',
  '0008_drift': 'c5112998068a876c0ef9e994ad2283aa43fa8f0e2703174b8f5f4d04949ae608',
  '0009_plan': '4ceb239b7997e17ca634e1982b014cbd56ce6daf4a9d8f2a07fbd4c5433ef1f6',
};

it('a migration that was released is not changed', () => {
  const folder = join(import.meta.dirname, '../src/state/migrations');
  const hashes = Object.keys(released).map((name) => {
    const content = readFileSync(join(folder, `${name}.sql`), 'utf8').replaceAll('\r\n', '\n');
    return [name, createHash('sha256').update(content).digest('hex')];
  });
  expect(Object.fromEntries(hashes)).toEqual(released);
  expect(migrations.slice(0, hashes.length)).toEqual(Object.keys(released));
});

it('migrations are numbered from 1 on, and no number is taken twice', () => {
  expect(migrations.map((name) => Number(name.slice(0, 4)))).toEqual(migrations.map((_, index) => index + 1));
});
