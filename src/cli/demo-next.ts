/** What the demo says at its end: how to go on with a tenant of one's own, or how to look around in this one. */
import { heading } from './demo-screen.ts';
import { exportLines } from './exports.ts';

/** How this very program is called, with npm in a clone or as an installed package. */
function command(name: string): string {
  const inClone = import.meta.filename.endsWith('.ts');
  if (!inClone) return `  maptician-sync ${name}`;
  return name === 'start' ? '  npm start' : `  npm run -s maptician-sync -- ${name}`;
}

export function nextSteps({ scim = false } = {}): string {
  return [
    heading('Next: your own tenant'),
    'README.md, “Connect your tenant”, says what to click and whom to ask. Then:',
    ...['test-connection', 'plan', 'sync', 'start'].map(command),
    'While the last one runs, its console is at http://127.0.0.1:4080.',
    '',
    'To look around in this one first, add --keep to the demo.',
    ...(scim ? [] : ['With --scim, users go to an emulated Maptician over SCIM instead of to a table.']),
  ].join('\n');
}

const accountsInMaptician = [
  '',
  'Look at Maptician, first over SCIM as the service does, then at all its accounts:',
  '  curl -sG --cacert "$NODE_EXTRA_CA_CERTS" -H "Authorization: Bearer $MAPTICIAN_SECRET_TOKEN" \\',
  '    "$MAPTICIAN_TENANT_URL/Users" --data-urlencode \'filter=userName eq "noemi.szabo@contoso.example"\'',
  '  curl -s --cacert "$NODE_EXTRA_CA_CERTS" "$GRAPH_BASE_URL/_emu/maptician/users"',
];

/** @param environment the settings of the demo, DATABASE_URL among them */
export function lookAround(environment: Readonly<Record<string, string>>, { scim = false } = {}): string {
  return [
    heading('It keeps running until Ctrl+C'),
    'Paste this into another terminal:',
    ...exportLines(environment),
    '',
    'Then try there:',
    ...['status', 'log', 'sync'].map(command),
    '',
    'and, before the next sync, a change to the tenant (all calls: GET /_emu):',
    '  curl -s --cacert "$NODE_EXTRA_CA_CERTS" -X PATCH -d \'{"jobTitle": "Head of Maps"}\' \\',
    '    "$GRAPH_BASE_URL/_emu/users/noemi.szabo@contoso.example"',
    ...(scim ? accountsInMaptician : []),
  ].join('\n');
}
