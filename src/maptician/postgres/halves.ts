/** Sets that fail for the fault of a few of their rows. */
import type pg from 'pg';
import { isRowError } from '../../postgres-errors.ts';

export interface SetOutcome<Item, Row> {
  readonly rows: Row[];
  /** What was refused, with what Postgres threw for it alone. */
  readonly failures: Map<Item, pg.DatabaseError>;
}

/**
 * Writes items by one statement. Where it fails for a row's fault, the halves are tried, down to the ones at fault, so
 * that one bad item in 500 costs about 15 tries and the other 499 are written. Runs within a transaction, which
 * stays usable. Errors that are not about a row are thrown.
 * @param write runs the one statement for the items it is given
 */
export async function writeInHalves<Item, Row>(
  client: pg.ClientBase,
  items: readonly Item[],
  write: (items: readonly Item[]) => Promise<Row[]>,
): Promise<SetOutcome<Item, Row>> {
  const rows: Row[] = [];
  const failures = new Map<Item, pg.DatabaseError>();

  async function tryWrite(part: readonly Item[]): Promise<boolean> {
    await client.query('savepoint part');
    try {
      rows.push(...(await write(part)));
      await client.query('release savepoint part');
      return true;
    } catch (thrown) {
      if (!isRowError(thrown)) throw thrown;
      await client.query('rollback to savepoint part; release savepoint part');
      const [only, ...others] = part;
      if (only !== undefined && others.length === 0) failures.set(only, thrown);
      return false;
    }
  }

  /** `suspect`: the fault is known to be in this part, so trying it whole would teach nothing. */
  async function visit(part: readonly Item[], suspect: boolean): Promise<boolean> {
    if (part.length === 0) return true;
    if ((part.length === 1 || !suspect) && (await tryWrite(part))) return true;
    if (part.length === 1) return false;
    const middle = Math.ceil(part.length / 2);
    const leftIsSound = await visit(part.slice(0, middle), false);
    await visit(part.slice(middle), leftIsSound);
    return false;
  }

  await visit(items, false);
  return { rows, failures };
}
