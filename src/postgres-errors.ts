/**
 * From what Postgres and its driver throw to the error table. Codes are SQLSTATEs
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
import pg from 'pg';
import { type ErrorCode, poolExhausted, SyncError, toError } from './errors.ts';

/** SQLSTATEs, or their two-letter classes, that are about the server or the session and never about a row's values. */
const systemicCodes: Readonly<Record<string, ErrorCode>> = {
  '08': 'WebExceptionProtocolError',
  '0A': 'InternalServerError',
  '25': 'InternalServerError',
  // The server is a standby: no write can succeed there.
  '25006': 'Misconfigured',
  '25P03': 'Timeout',
  '25P04': 'Timeout',
  '26': 'InternalServerError',
  '28': 'Unauthorized',
  '34': 'InternalServerError',
  '3B': 'InternalServerError',
  '3D': 'Misconfigured',
  '3F': 'SchemaAttributeNotFound',
  '40': 'InternalServerError',
  '42': 'InternalServerError',
  '42501': 'InsufficientRights',
  '42703': 'SchemaAttributeNotFound',
  '42P01': 'SchemaAttributeNotFound',
  '53': 'InternalServerError',
  '55000': 'InternalServerError',
  '55006': 'InternalServerError',
  '57': 'WebExceptionProtocolError',
  '57014': 'Timeout',
  '57P04': 'Misconfigured',
  '58': 'InternalServerError',
  F0: 'InternalServerError',
  XX: 'InternalServerError',
};

/** A row's own fault. Anything else that is not systemic is one too: a trigger may raise any code it likes. */
const rowCodes: Readonly<Record<string, ErrorCode>> = {
  '23502': 'MandatoryFieldsMissing',
  '23505': 'Conflict',
  '23P01': 'Conflict',
  // Somebody holds the row: the others need not wait for it.
  '55P03': 'Timeout',
};

/** What Node's sockets, its resolver and its TLS say, and the words of the driver, which has no codes. */
const connectionErrors: readonly (readonly [RegExp, ErrorCode])[] = [
  [/\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES)\b/, 'Unreachable'],
  [/CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_TLS|does not support SSL/, 'Unreachable'],
  [poolExhausted, 'Unreachable'],
  [/ETIMEDOUT|timeout/i, 'Timeout'],
  [
    /ECONNRESET|EPIPE|connection (was )?terminated|connection error|Connection ended|not queryable/i,
    'WebExceptionProtocolError',
  ],
  [/SASL|password must be/i, 'Unauthorized'],
];

/** True for an error about the values of a row (a constraint, a trigger, a length), which spares the other rows. */
export function isRowError(thrown: unknown): thrown is pg.DatabaseError & { code: string } {
  return thrown instanceof pg.DatabaseError && thrown.code !== undefined && systemicCode(thrown.code) === undefined;
}

/**
 * The SyncError of anything a Postgres call threw.
 * @param subject what was called, as it stands within a sentence: `the state database (DATABASE_URL)`
 */
export function postgresError(thrown: unknown, subject: string): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const cause = toError(thrown);
  if (isRowError(thrown)) {
    const code = rowCodes[thrown.code] ?? 'UnprocessableEntity';
    const place = thrown.constraint ?? thrown.column;
    const where = place === undefined ? '' : ` (${place})`;
    const message = `${sentence(subject)} refused a row with SQLSTATE ${thrown.code}${where}.`;
    return new SyncError(code, message, { cause, detail: reasonOf(thrown) });
  }
  if (thrown instanceof pg.DatabaseError && thrown.code !== undefined) {
    const code = systemicCode(thrown.code) ?? 'InternalServerError';
    return new SyncError(code, `${sentence(subject)} answered: ${thrown.message} (SQLSTATE ${thrown.code}).`, {
      cause,
    });
  }
  const words = wordsOf(cause);
  const code = connectionErrors.find(([pattern]) => pattern.test(words))?.[1] ?? 'InternalError';
  return new SyncError(code, `${sentence(subject)} could not be used: ${words}.`, { cause });
}

function systemicCode(sqlState: string): ErrorCode | undefined {
  return systemicCodes[sqlState] ?? systemicCodes[sqlState.slice(0, 2)];
}

/** The server's own reason. Its detail of a failed check or a missing value is the whole row, which says nothing more. */
function reasonOf(error: pg.DatabaseError): string {
  const repeatsRow = error.code === '23502' || error.code === '23514' || error.code === '44000';
  return [error.message, repeatsRow ? undefined : error.detail, error.hint].filter(Boolean).join(' ');
}

/** A name with several addresses fails with one error an address and no text of its own. */
function wordsOf(error: Error): string {
  const parts = error instanceof AggregateError ? error.errors.map((part) => toError(part).message) : [error.message];
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const text = parts.filter(Boolean).join('; ');
  return code === '' || text.includes(code) ? text : `${text} (${code})`.trim();
}

function sentence(subject: string): string {
  return subject.charAt(0).toUpperCase() + subject.slice(1);
}
