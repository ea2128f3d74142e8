import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { createTenant } from '../../src/sandbox/tenant.ts';

const root = path.resolve(import.meta.dirname, '../..');
const script = (options: object): string[] => [
  '--input-type=module',
  '--eval',
  `const { runSandbox } = await import('./src/cli/sandbox.ts'); await runSandbox(${JSON.stringify(options)});`,
];

/** Runs the command with these options until it is ready, and hands over its output and the settings in it. */
async function running(
  options: object,
  use: (output: string, settings: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, script({ users: 20, assigned: 5, seed: 3, ...options }), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    let output = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      output += String(chunk);
      if (output.includes('Ctrl+C')) break;
    }
    const settings = Object.fromEntries(
      [...output.matchAll(/export (\w+)='(.*)'/g)].map(([, name = '', value = '']) => [name, value]),
    );
    await use(output, settings);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(settings.NODE_EXTRA_CA_CERTS ?? '')).toBe(false);
  } finally {
    child.kill('SIGKILL');
  }
}

it('prints settings that work in another process, and stops when interrupted', () =>
  running({}, async (output, settings) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--eval',
        `fetch('${settings.GRAPH_BASE_URL}/_emu').then((r) => r.json()).then((b) => console.log(b.tenantId, b.users))`,
      ],
      { env: { ...process.env, ...settings } },
    );
    expect(stdout.trim()).toBe(`${settings.AZURE_TENANT_ID} 20`);
    expect(settings).not.toHaveProperty('MAPTICIAN_TENANT_URL');
    expect(output).not.toContain('/_emu/maptician');
  }));

it('prints Tenant URL and Secret Token with --scim, and commands that show and change accounts', () =>
  running({ scim: true, http: true }, async (output, settings) => {
    const { MAPTICIAN_TENANT_URL: url, MAPTICIAN_SECRET_TOKEN: token } = settings;
    const created = await fetch(`${url}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify({ userName: 'ada@example.com' }),
    });
    expect(created.status).toBe(201);
    const [show, change] = [...output.matchAll(/curl .* (http\S+\/_emu\/maptician\/users\S*)(?: -d '(.*)')?/g)];
    await fetch((change?.[1] ?? '').replace('USERNAME', 'ada@example.com'), {
      method: 'PATCH',
      body: change?.[2] ?? '',
    });
    expect(await (await fetch(show?.[1] ?? '')).json()).toMatchObject([
      { userName: 'ada@example.com', title: 'Edited by hand' },
    ]);
  }));

it('says which port is taken instead of leaving half a sandbox behind', async () => {
  await using first = await startSandbox({ tenant: createTenant(), http: true });
  const port = Number(new URL(first.origin).port);
  await expect(startSandbox({ tenant: createTenant(), http: true, port })).rejects.toThrow(`EADDRINUSE`);
});

it('keeps the authority on https when Graph is on http', async () => {
  await using sandbox = await startSandbox({ tenant: createTenant(), http: true });
  expect(sandbox.origin).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect(sandbox.authorityHost).toMatch(/^https:\/\/127\.0\.0\.1:/);
});
