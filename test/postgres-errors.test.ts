import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncError, toError, toSyncError } from '../src/errors.ts';
import { isRowError, postgresError } from '../src/postgres-errors.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';

const subject = 'the database';
let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  pool = openTestPool(database.url);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  return work().then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
}

const raised = (sqlState: string) =>
  thrownBy(() => pool.query(`do $$ begin raise exception 'the reason' using errcode = '${sqlState}'; end $$`));

describe('an error of the server', () => {
  test.each([
    ['40001', 'a serialization failure', 'InternalServerError'],
    ['40P01', 'a deadlock', 'InternalServerError'],
    ['53300', 'too many connections', 'InternalServerError'],
    ['53100', 'a full disk', 'InternalServerError'],
    ['57P01', 'a shutdown', 'WebExceptionProtocolError'],
    ['57P03', 'a start that is not over', 'WebExceptionProtocolError'],
    ['08006', 'a broken connection', 'WebExceptionProtocolError'],
    ['57014', 'a statement that took too long', 'Timeout'],
    ['28P01', 'a wrong password', 'Unauthorized'],
    ['28000', 'an unknown role', 'Unauthorized'],
    ['42501', 'a missing right', 'InsufficientRights'],
    ['3D000', 'an unknown database', 'Misconfigured'],
    ['25006', 'a standby server', 'Misconfigured'],
    ['42P01', 'a missing table', 'SchemaAttributeNotFound'],
    ['42703', 'a missing column', 'SchemaAttributeNotFound'],
    ['XX000', 'an internal error', 'InternalServerError'],
  ])('%s, %s, is about the whole call: %s', async (sqlState, _, code) => {
    const thrown = await raised(sqlState);
    expect(isRowError(thrown)).toBe(false);
    const error = postgresError(thrown, subject);
    expect(error).toMatchObject({ code, cause: thrown });
    expect(error.message).toBe(`The database answered: the reason (SQLSTATE ${sqlState}).`);
  });

  test.each([
    ['23505', 'a value that must be unique', 'Conflict'],
    ['23P01', 'an exclusion', 'Conflict'],
    ['23502', 'a missing value', 'MandatoryFieldsMissing'],
    ['23503', 'a foreign key', 'UnprocessableEntity'],
    ['23514', 'a check', 'UnprocessableEntity'],
    ['22001', 'a value that is too long', 'UnprocessableEntity'],
    ['54000', 'a value too large for an index', 'UnprocessableEntity'],
    ['P0001', 'a trigger', 'UnprocessableEntity'],
    ['44000', 'a view', 'UnprocessableEntity'],
    ['MY001', 'a code somebody made up', 'UnprocessableEntity'],
  ])('%s, %s, is about one row: %s', async (sqlState, _, code) => {
    const thrown = await raised(sqlState);
    expect(isRowError(thrown)).toBe(true);
    expect(postgresError(thrown, subject)).toMatchObject({ code, detail: 'the reason' });
  });

  test('keeps the values of the row out of the message, and the whole row out of the detail', async () => {
    await pool.query('create table t (name text check (length(name) < 4), secret text unique, must text not null)');
    const insert = (values: string) => thrownBy(() => pool.query(`insert into t values (${values})`));

    const check = postgresError(await insert(`'Annabel', 'hush', 'x'`), subject);
    expect(check.message).toBe('The database refused a row with SQLSTATE 23514 (t_name_check).');
    expect(check.detail).toContain('t_name_check');
    expect(check.detail).not.toContain('Annabel');

    const missing = postgresError(await insert(`'Ann', 'hush', null`), subject);
    expect(missing.message).toBe('The database refused a row with SQLSTATE 23502 (must).');
    expect(missing.detail).not.toContain('hush');

    await pool.query(`insert into t values ('Ann', 'hush', 'x')`);
    const twice = postgresError(await insert(`'Bob', 'hush', 'x'`), subject);
    expect(twice.message).toBe('The database refused a row with SQLSTATE 23505 (t_secret_key).');
    expect(twice.detail).toContain('(secret)=(hush)');
  });
});

describe('an error on the way to the server', () => {
  async function connecting(change: (url: URL) => void): Promise<SyncError> {
    const url = new URL(database.url);
    change(url);
    const other = new pg.Pool({ connectionString: url.href });
    const thrown = await thrownBy(() => other.query('select 1'));
    await other.end();
    expect(isRowError(thrown)).toBe(false);
    return postgresError(thrown, subject);
  }

  test('names the address where nothing listens', async () => {
    const error = await connecting((url) => {
      url.port = '1';
    });
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') });
  });

  test('has words for a name with several addresses, none of which answers', () => {
    const none = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:1')]), { code: 'ECONNREFUSED' });
    expect(postgresError(none, subject)).toMatchObject({
      code: 'Unreachable',
      message: 'The database could not be used: connect ECONNREFUSED ::1:1.',
    });
  });

  test('is a refusal of credentials where the password is wrong or missing', async () => {
    const wrong = await connecting((url) => {
      url.password = 'wrong-password';
    });
    expect(wrong.code).toBe('Unauthorized');
    expect(wrong.message).not.toContain('wrong-password');
    // The driver's own words; it would leave the connection open until the server gives up on it.
    const missing = new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
    expect(postgresError(missing, subject).code).toBe('Unauthorized');
  });

  test('is unreachable where TLS is asked for and not offered', async () => {
    const error = await connecting((url) => url.searchParams.set('sslmode', 'verify-full'));
    expect(error.code).toBe('Unreachable');
  });

  test('passes where the server hangs up, or is too slow to answer', () => {
    const ended = new Error('Connection terminated unexpectedly');
    expect(postgresError(ended, subject).code).toBe('WebExceptionProtocolError');
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    expect(postgresError(reset, subject).code).toBe('WebExceptionProtocolError');
    const slow = Object.assign(new Error('connect ETIMEDOUT 192.0.2.1:5432'), { code: 'ETIMEDOUT' });
    expect(postgresError(slow, subject).code).toBe('Timeout');
  });

  test('is unreachable where the pool has no connection to give, whoever classes it', async () => {
    const small = new pg.Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 20 });
    const taken = await small.connect();
    const thrown = await thrownBy(() => small.query('select'));
    taken.release();
    await small.end();
    expect(postgresError(thrown, subject).code).toBe('Unreachable');
    expect(toSyncError(thrown)).toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('no connection'),
    });
  });
});

test('a SyncError stays what it is, and anything unknown is an internal error', () => {
  const known = new SyncError('Misconfigured', 'x');
  expect(postgresError(known, subject)).toBe(known);
  expect(postgresError(toError('odd'), subject)).toMatchObject({ code: 'InternalError' });
});
