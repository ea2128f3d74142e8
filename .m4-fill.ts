import { openEmbedded } from '/tmp/w-mend-lists/src/state/embedded.ts';
import { openDatabase } from '/tmp/w-mend-lists/src/state/database.ts';
import { createLog } from '/tmp/w-mend-lists/src/log.ts';
import { fillUsers } from '/tmp/w-mend-lists/bench/fill-users.ts';
import pg from 'pg';
const e = await openEmbedded('/tmp/m4/home');
console.log(e.url);
const c = new pg.Client({ connectionString: e.url }); await c.connect();
for (const [name, n] of [['u100k', 100_000], ['u1m', 1_000_000]] as const) {
  await c.query(`create database ${name}`);
  const url = new URL(e.url); url.pathname = '/' + name;
  const d = await openDatabase({ databaseUrl: url.href, home: '/nowhere', log: createLog('warn') });
  const t = performance.now();
  await fillUsers(d.pool, n);
  console.log(name, performance.now() - t);
  await d.close();
}
console.log('filled');
setInterval(() => {}, 1e6);
