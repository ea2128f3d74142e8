import pg from 'pg';

/**
 * A pool to a test's database. `pool.end()` resolves before the server knows, so dropping the database may still cut
 * connections nobody listens to any more; that is no error of the test.
 */
export function openTestPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url });
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  return pool;
}
