/** Counts the SQL statements that this process sends to the state database and the user store. */
import pg from 'pg';

/** Starts to count, on every connection but the queue's own; the returned function says how many there were. */
export function countStatements(): () => number {
  let count = 0;
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    if (isOurs(this)) count += 1;
    return Reflect.apply(query, this, given);
  } as typeof query;
  return () => count;
}

/** By the name under which a connection is opened; BullMQ's workers have none. */
function isOurs(client: pg.Client): boolean {
  const parameters: unknown = Reflect.get(client, 'connectionParameters');
  if (typeof parameters !== 'object' || parameters === null) return false;
  return String(Reflect.get(parameters, 'application_name')).startsWith('maptician-sync');
}
