/** `approve` and `reject`: an operator's word on removals that the mass-removal guard holds. */
import { transaction } from '../state/database.ts';
import { print, withService } from './command.ts';

/** Lets a set of held removals be carried out, by the next cycle. */
export async function approve(set: number): Promise<number> {
  return withService({}, async ({ database }) => {
    const { rowCount } = await database.pool.query(
      `update operations set state = 'approved' where state = 'held' and set_id = $1`,
      [set],
    );
    if (!rowCount) return unknownSet(set);
    print(`${rowCount} removals are approved. The next cycle carries them out; to do it now: maptician-sync sync`);
    return 0;
  });
}

/** Leaves the accounts of a set as they are, until their users are in scope again. */
export async function reject(set: number): Promise<number> {
  return withService({}, async ({ database }) => {
    const count = await transaction(database.pool, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `delete from operations where state = 'held' and set_id = $1 returning entra_id as id`,
        [set],
      );
      await client.query('update users set removal_rejected = true where id = any($1)', [rows.map(({ id }) => id)]);
      return rows.length;
    });
    if (count === 0) return unknownSet(set);
    print(
      `${count} removals are rejected. These accounts stay as they are until their users have access in Entra again.`,
    );
    return 0;
  });
}

function unknownSet(set: number): number {
  process.stderr.write(`No removals are held as set ${set}. See which are: maptician-sync status\n`);
  return 2;
}
