/** `maptician-sync sandbox`: keeps an emulated tenant running until it is interrupted. */

import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { exportLines } from './exports.ts';

export interface SandboxCommandOptions {
  /** How many users the tenant has. */
  readonly users: number;
  /** How many of them are assigned to the Maptician app. */
  readonly assigned: number;
  readonly seed: number;
  /** Graph's port; any free one by default. */
  readonly port?: number;
  /** Graph over plain http on loopback. */
  readonly http?: boolean;
  /** The user store is the emulated Maptician, over SCIM. */
  readonly scim?: boolean;
}

/** Starts the sandbox, prints how to use it and resolves once SIGINT or SIGTERM has stopped it. */
export async function runSandbox(options: SandboxCommandOptions): Promise<void> {
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await using sandbox = await startSandbox(options);
  console.log(instructions(sandbox, options.scim));
  await interrupted;
}

function instructions(sandbox: Sandbox, scim = false): string {
  const { tenant, origin, caFile } = sandbox;
  // A home of its own: the made-up people belong into no database of the user's.
  const variables = {
    ...sandbox.environment(scim ? { maptician: 'scim' } : {}),
    MAPTICIAN_SYNC_HOME: './sandbox-data',
  };
  const someone = [...tenant.users.all.values()][0]?.id ?? '';
  const curl = origin.startsWith('https:') ? `curl -s --cacert ${caFile}` : 'curl -s';
  return [
    `An emulated Entra tenant of ${tenant.users.count} users is running. Microsoft Graph: ${origin}`,
    '',
    'Settings for maptician-sync (paste them into another terminal):',
    ...exportLines(variables),
    '',
    ...(origin.startsWith('http:')
      ? [`Graph is plain http here; the token authority stays on ${sandbox.authorityHost}, as it must be https.`, '']
      : []),
    'Then, in that terminal: npm start, and the console in a browser at http://127.0.0.1:4080',
    '',
    'Change the tenant while it runs (all calls: GET /_emu):',
    `  ${curl} '${origin}/_emu/users?top=5&assigned=true'`,
    `  ${curl} -X PATCH ${origin}/_emu/users/${someone} -d '{"jobTitle": "Head of Maps"}'`,
    `  ${curl} -X POST ${origin}/_emu/faults -d '{"path": "/users/delta", "fault": {"kind": "status", "status": 429, "retryAfter": 2.5}}'`,
    '',
    ...(scim
      ? [
          'Look at the accounts in Maptician, and change one behind the back of maptician-sync:',
          `  ${curl} ${origin}/_emu/maptician/users`,
          `  ${curl} -X PATCH ${origin}/_emu/maptician/users/USERNAME -d '{"title": "Edited by hand"}'`,
          '',
        ]
      : []),
    'Stop with Ctrl+C.',
  ].join('\n');
}
