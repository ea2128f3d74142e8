/**
 * A process that uses the embedded Postgres: opens it, prints its URL on a line, and closes it when its standard input
 * ends. Arguments: the home folder, and an account (uid) to become first.
 */
import { once } from 'node:events';
import { openEmbedded } from '../../src/state/embedded.ts';

const [home = '', uid = ''] = process.argv.slice(2);
if (uid !== '') {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
const embedded = await openEmbedded(home);
console.log(embedded.url);
process.stdin.resume();
await once(process.stdin, 'end');
await embedded.close();
