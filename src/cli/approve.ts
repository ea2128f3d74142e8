/** `approve` and `reject`: an operator's word on removals that the mass-removal guard holds. */
import { transaction } from '../state/database.ts';
import { print, withService } from './command.ts';
import { howMany } from './table.ts';

/** Lets a set of held removals be carried out, by the next cycle. */
export async function approve(set: number): Promise<number> {
  return withService({}, async ({ database }) => {
    const { rowCount } = await database.pool.query(
      `update operations set state = 'approved' where state = 'held' and set_id = $1`,
      [set],
    );
    if (!rowCount) return unknownSet(set);
    print(
      `Approved: ${howMany(rowCount, 'removal')}. The next cycle carries this out; to do it now: maptician-sync sync`,
    );
    return 0;
  });
}

/** Leaves the accounts of a set as they are, until their users are in scope again. */
export async function reject(set: number): Promise<number> {
  return withService({}, async ({ database }) => {
    const count = await transaction(database.pool, async (client) => {
      const { rowCount } = await client.query(
        `with rejected as (
           delete from operations where state = 'held' and set_id = $1 returning entra_id, kind)
         update users u set rejected_removal = r.kind from rejected r where u.id = r.entra_id`,
        [set],
      );
      return rowCount ?? 0;
    });
    if (count === 0) return unknownSet(set);
    print(
      `Rejected: ${howMany(count, 'removal')}. The accounts stay as they are until their users have access in Entra again.`,
    );
    return 0;
  });
}

function unknownSet(set: number): number {
  process.stderr.write(`No removals are held as set ${set}. See which are: maptician-sync status\n`);
  return 2;
}
