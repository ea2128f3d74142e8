/** An emulated tenant in a process of its own, without throttling. Graph is plain http, so that neither side pays for TLS. */
import { z } from 'zod';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { answer, readInput } from '../child.ts';

const { users } = readInput(z.object({ users: z.number() }));
const sandbox = await startSandbox({ users, assigned: users, http: true, behaviour: { resourceUnitLimit: null } });
process.once('SIGTERM', () => {
  sandbox.close().then(() => process.disconnect());
});
// Without its parent nobody would end it.
process.once('disconnect', () => process.exit());
await answer(sandbox.environment());
