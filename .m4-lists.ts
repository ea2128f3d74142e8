import { readFileSync } from 'node:fs';
import { openStatePool } from './src/state/database.ts';
import { readUserList, userStates } from './src/state/user-list.ts';
const base = readFileSync('/tmp/m4/fill.log', 'utf8').split('\n')[0]!;
const which = process.argv[2] ?? 'u1m';
const url = new URL(base); url.pathname = '/' + which;
const pool = openStatePool(url.href, 4);
const late = (await pool.query(`select id from users where lower(user_name) < 'jakub' order by lower(user_name) desc limit 1`)).rows[0].id;
const last = (await pool.query(`select id from users order by lower(user_name) desc limit 1 offset 20`)).rows[0].id;
const cases: [string, any, any][] = [
  ['all', {}, {}], ['all after mid', {}, { after: late }], ['all last', {}, { after: last }],
  ['jakub', { search: 'jakub' }, {}], ['jakub kow', { search: 'jakub kow' }, {}], ['jakub after late', { search: 'jakub' }, { after: late }], ['contoso', { search: 'contoso' }, {}],
  ['anna after late', { search: 'anna' }, { after: late }],
  ['berg 1234', { search: 'berg 1234' }, {}], ['vain', { search: 'nobodyx' }, {}], ['jakub failed', { search: 'jakub', state: 'failed' }, {}],
  ['cause', { cause: { code: 'Conflict', httpStatus: 409 } }, {}], ['cause late', { cause: { code: 'Late', httpStatus: null } }, {}],
  ...userStates.flatMap((state) => [[state, { state }, {}], [state + ' after late', { state }, { after: late }], [state + ' after last', { state }, { after: last }]] as [string, any, any][]),
];
for (const [name, filter, page] of cases) {
  const times: number[] = []; let n = 0;
  for (let i = 0; i < 4; i++) { const t = performance.now(); const r = await readUserList(pool, filter, { limit: 50, ...page }); n = r.users.length; times.push(performance.now() - t); }
  console.log(name.padEnd(28), String(n).padStart(3), times.map((t) => t.toFixed(0)).join(' '));
}
await pool.end();
