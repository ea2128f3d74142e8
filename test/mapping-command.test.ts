import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { type Database, openDatabase } from '../src/state/database.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';

const root = join(import.meta.dirname, '..');
const downloaded = join(import.meta.dirname, 'mapping/schema-json/entra-schema.json');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maptician-sync-mapping-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `mapping` without any setting, in a folder that has no config/ unless a test makes one. */
async function mapping(args: readonly string[], options: { cwd?: string; settings?: Record<string, string> } = {}) {
  const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), 'mapping', ...args], {
    cwd: options.cwd ?? folder,
    env: { PATH: process.env.PATH, ...options.settings },
  });
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return { stdout, stderr, status };
}

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const made = await mkdtemp(join(folder, 'with-'));
  await mkdir(join(made, 'config'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(made, name), content);
  return made;
}

describe('mapping show and check', () => {
  it('show what comes with the service, and have nothing to say against it', async () => {
    const [shown, json, checked] = await Promise.all([
      mapping(['show']),
      mapping(['show', '--json']),
      mapping(['check']),
    ]);
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toMatch(/^userName +userPrincipalName +matched by, number 1$/m);
    expect(shown.stdout).toContain('None: whoever is assigned is in scope.');
    expect(JSON.parse(json.stdout)).toMatchObject({
      attributes: expect.arrayContaining([{ target: 'title', source: 'jobTitle', apply: 'always', required: false }]),
      actions: { create: true, update: true, delete: true },
      filters: [],
    });
    expect(checked).toMatchObject({ status: 0, stderr: '' });
    expect(checked.stdout).toContain('15 rows, and nothing wrong.');
  });

  it('name every problem of a file with its place, and exit with 2', async () => {
    const cwd = await folderWith({
      'config/attributes.yaml':
        'attributes:\n  - target: titel\n    source: mail\n  - target: title\n    expression: Lef([mail], 3)\n',
      'config/scoping-filters.yaml':
        'filters:\n  - title: A\n    clauses:\n      - { attribute: cty, operator: EQUALS, value: Oslo }\n',
    });
    const { status, stdout, stderr } = await mapping(['check'], { cwd });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('config/attributes.yaml has 2 problems');
    expect(stderr).toContain('row 1 (line 2) titel');
    expect(stderr).toContain('Lef([mail], 3)\n^^^');
    expect(stderr).toContain('line 4, "A" clause 1: attribute "cty" is no attribute');
  });

  it("say what Microsoft's service would treat otherwise, with a caret, and which patterns are not anchored", async () => {
    const rows =
      '  - { target: userName, source: userPrincipalName, matching: 1 }\n  - { target: active, source: not IsSoftDeleted }\n';
    const cwd = await folderWith({
      'config/attributes.yaml': `attributes:\n${rows}  - target: title\n    expression: IIF(IsPresent([city]) AND [state] = "x", [city], [state])\n`,
      'config/scoping-filters.yaml':
        'filters:\n  - title: A\n    clauses:\n      - { attribute: city, operator: REGEX MATCH, value: Os.o }\n',
    });
    const { status, stdout, stderr } = await mapping(['check'], { cwd });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('- title, line 1, column 5: Microsoft has no AND');
    expect(stdout).toContain('  IIF(IsPresent([city]) AND [state] = "x", [city], [state])\n      ^');
    expect(stdout).toContain('matches anywhere in the value');
  });
});

describe('mapping test', () => {
  it('gives the result, its type and what was read', async () => {
    const expression = 'Join(", ", [surname], Item([otherMails], 2), CStr([accountEnabled]))';
    const set = ['surname=Lovelace ', 'otherMails=a@x.example', 'otherMails=b@x.example', 'accountEnabled=true'];
    const { status, stdout } = await mapping(['test', expression, '--json', ...set.flatMap((one) => ['--set', one])]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      result: 'Lovelace , b@x.example, True',
      type: 'text',
      redacted: false,
      read: { surname: 'Lovelace ', otherMails: ['a@x.example', 'b@x.example'], accountEnabled: true },
    });
    const shown = await mapping([
      'test',
      'Redact(SingleAppRoleAssignment([appRoleAssignments]))',
      '--set',
      'appRoleAssignments=Oslo',
    ]);
    expect(shown.stdout).toContain('Result  "Oslo"\nType    text; logs show [Redact]');
  });

  it('points at what is wrong for the values given, and exits with 2', async () => {
    const { status, stdout, stderr } = await mapping(['test', 'DateAdd("d", 1, [city])', '--set', 'city=Oslo']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^line 1, column \d+: .*\n.*\n *\^+\n$/);
  });
});

describe('mapping import and export', () => {
  it('print the two files with what has no equal, and save nothing by themselves', async () => {
    const cwd = await folderWith({});
    const { status, stdout } = await mapping(['import', downloaded], { cwd });
    expect(status).toBe(0);
    expect(stdout).toContain('- target: title');
    expect(stdout).toContain('- displayName: left out, Maptician has no such attribute.');
    expect(stdout).toContain('Nothing is saved');
    expect(await readdir(join(cwd, 'config'))).toEqual([]);
  });

  it('save the files and keep the old ones beside, each time under another name; an export imports as the same', async () => {
    const cwd = await folderWith({});
    await writeFile(join(cwd, 'config/attributes.yaml'), 'the old table');
    await writeFile(join(cwd, 'config/attributes.yaml.bak'), 'an older one');
    const written = await mapping(['import', downloaded, '--write'], { cwd });
    expect(written).toMatchObject({ status: 0, stderr: '' });
    expect(written.stdout).toContain('config/attributes.yaml is written, the old one is config/attributes.yaml.2.bak.');
    const files = ['attributes.yaml', 'attributes.yaml.2.bak', 'attributes.yaml.bak', 'scoping-filters.yaml'];
    expect((await readdir(join(cwd, 'config'))).sort()).toEqual(files);
    expect(await readFile(join(cwd, 'config/attributes.yaml.2.bak'), 'utf8')).toBe('the old table');

    const exported = await mapping(['export', '--output', 'schema.json'], { cwd });
    expect(exported).toMatchObject({ status: 0, stdout: '' });
    expect(exported.stderr).toContain('Microsoft has no operator IN.');
    const again = await mapping(['import', 'schema.json'], { cwd });
    expect(again.stdout).toContain('Everything was carried over.');
    expect((await mapping(['export', '--output', 'schema.json'], { cwd })).stderr).toContain('exists already');
  });

  it('refuse what is no such schema, and exit with 2', async () => {
    const cwd = await folderWith({ 'some.json': '{"value": []}' });
    const { status, stdout, stderr } = await mapping(['import', 'some.json'], { cwd });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('synchronizationRules: ');
  });
});

describe('mapping preview', () => {
  const settings = (database: TestDatabase) => ({
    DATABASE_URL: database.url,
    AZURE_TENANT_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b11',
    ENTRA_APP_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b13',
  });
  let database: TestDatabase;
  let state: Database;
  let cwd: string;
  beforeAll(async () => {
    database = await createDatabase();
    state = await openDatabase({ databaseUrl: database.url, home: folder, log: createLog('silent') });
    cwd = await folderWith({});
    await copyFile(join(root, 'config/attributes.yaml'), join(cwd, 'table.yaml'));
    // Twenty people who are in sync, of whom five work in Oslo, and one who has no account yet.
    await state.pool.query(
      `insert into users (id, attributes, user_name, in_scope)
       select id::uuid, jsonb_strip_nulls(jsonb_build_object('id', id, 'userPrincipalName', 'u' || n || '@contoso.example',
         'accountEnabled', true, 'jobTitle', 'Engineer', 'city', case when n <= 5 then 'Oslo' end)), 'u' || n || '@contoso.example', true
       from (select n, '00000000-0000-4000-8000-0000000000' || to_char(n, 'FM00') as id from generate_series(1, 21) n) people`,
    );
    await state.pool.query(
      `insert into links (entra_id, maptician_id, user_name, active, applied)
       select id, 'm' || id, user_name, true, jsonb_strip_nulls(jsonb_build_object('userName', user_name, 'active', true,
         'title', 'Engineer', 'externalId', id, 'addresses[type eq "work"].locality', attributes->>'city'))
       from users where user_name <> 'u21@contoso.example'`,
    );
  });
  afterAll(async () => {
    await state.close();
    await database.drop();
  });
  const preview = async (args: readonly string[]) => {
    const { status, stdout, stderr } = await mapping(['preview', '--json', ...args], {
      cwd,
      settings: settings(database),
    });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  };

  it('says that nothing would change with the files in use, but what is due anyway', async () => {
    expect(await preview([])).toMatchObject({ mirrored: 21, inScope: 21, actions: { create: 1 }, attributes: [] });
  });

  it('counts who would change in which attribute, with samples, and masks what is redacted', async () => {
    const table = await readFile(join(cwd, 'table.yaml'), 'utf8');
    const changed = table
      .replace('source: jobTitle', 'expression: Join(" in ", [jobTitle], [city])')
      .replace('source: state', 'expression: Redact([city])')
      .replace('source: companyName', 'source: preferredLanguage');
    await writeFile(join(cwd, 'changed.yaml'), changed);
    const found = await preview(['--attributes', 'changed.yaml']);
    expect(found).toMatchObject({
      actions: { update: 5, create: 1 },
      attributes: [
        {
          attribute: 'title',
          users: 5,
          samples: [{ user: 'u1@contoso.example', before: 'Engineer', after: 'Engineer in Oslo' }, {}, {}],
        },
        {
          attribute: 'addresses[type eq "work"].region',
          users: 5,
          samples: [{ before: null, after: '[Redact]' }, {}, {}],
        },
      ],
      removals: { users: 0, held: false },
      unknown: [expect.stringContaining('reads preferredLanguage, which nobody in the mirror has')],
    });
  });

  it('counts who would leave scope, and whether the guard would hold their removal; and changes nothing', async () => {
    await writeFile(
      join(cwd, 'filters.yaml'),
      'filters:\n  - title: Oslo\n    clauses:\n      - { attribute: city, operator: EQUALS, value: Oslo }\n',
    );
    const { rows: before } = await state.pool.query('select * from users order by id');
    const found = await preview(['--filters', 'filters.yaml']);
    expect(found).toMatchObject({
      inScope: 5,
      leave: { users: 16, samples: ['u6@contoso.example', 'u7@contoso.example', 'u8@contoso.example'] },
      enter: { users: 0 },
      removals: { users: 15, activeAccounts: 20, held: true },
    });
    const { rows: after } = await state.pool.query('select * from users order by id');
    expect(after).toEqual(before);

    const shown = await mapping(['preview', '--filters', 'filters.yaml'], { cwd, settings: settings(database) });
    expect(shown.stdout).toContain(
      '16 users would leave scope: u6@contoso.example, u7@contoso.example, u8@contoso.example, …',
    );
    expect(shown.stdout).toContain('15 removals of 20 active accounts: a cycle would hold them for approval.');
  });

  it('tests an expression on a user of the mirror, by name', async () => {
    const args = ['test', 'Switch([IsSoftDeleted], , "False", [jobTitle])', '--user', 'U1@contoso.example', '--json'];
    const { status, stdout } = await mapping(args, { cwd, settings: settings(database) });
    expect([status, JSON.parse(stdout)]).toEqual([
      0,
      { result: 'Engineer', type: 'text', redacted: false, read: { IsSoftDeleted: false, jobTitle: 'Engineer' } },
    ]);
  });
});
