/**
 * Whom to compare again. A mark in a table of its own, since it comes and goes while the mirror's rows, which are wide,
 * stay as they are.
 */
import type { Queryable } from './database.ts';

/** Marks the ids that `select` gives. */
export async function compareAgain(db: Queryable, select: string, values: readonly unknown[] = []): Promise<void> {
  await db.query(`insert into to_compare (id) ${select} on conflict (id) do nothing`, [...values]);
}
