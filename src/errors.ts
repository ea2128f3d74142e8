/**
 * The one table from error class to policy. Codes are those of Microsoft's provisioning logs where it has one
 * (https://learn.microsoft.com/entra/identity/monitoring-health/howto-analyze-provisioning-logs), so that an
 * administrator finds the words they know.
 */

/** What follows from an error; every class of the table below has one of these. */
interface Handling {
  /** Tried again at once, within the cycle, with growing pauses. */
  readonly retryNow: boolean;
  /** When the user is tried again by itself: at the next cycle, or as escrow has it (state/escrow.ts). */
  readonly nextTry: 'next cycle' | 'escrow';
  /** Nothing else can succeed either: the cycle stops. */
  readonly stopsCycle: boolean;
  /** A cycle that stopped for it puts the job in quarantine. */
  readonly quarantines: boolean;
  /** When the operator is told. */
  readonly mail: 'at once' | 'with the cycle' | 'never';
}

/**
 * The policies:
 * - `retry`: it may pass by itself.
 * - `escrow`: only a change can mend it: the user waits in escrow until source, target or mapping changes, or a
 *   slow retry comes due; everyone else goes on.
 * - `quarantine`: it concerns every user alike: the cycle stops, and until it is mended there are only cheap probes.
 * - `stop`: the cycle stops for a reason that is no failure.
 */
const policies = {
  retry: { retryNow: true, nextTry: 'next cycle', stopsCycle: false, quarantines: true, mail: 'with the cycle' },
  escrow: { retryNow: false, nextTry: 'escrow', stopsCycle: false, quarantines: true, mail: 'with the cycle' },
  quarantine: { retryNow: false, nextTry: 'next cycle', stopsCycle: true, quarantines: true, mail: 'at once' },
  stop: { retryNow: false, nextTry: 'next cycle', stopsCycle: true, quarantines: false, mail: 'never' },
} as const satisfies Record<string, Handling>;

export type ErrorPolicy = keyof typeof policies;

interface ErrorClass {
  readonly policy: ErrorPolicy;
  /** What a person does about it, in plain words. */
  readonly action: string;
}

const errorClasses = {
  Unauthorized: {
    policy: 'quarantine',
    action:
      'The credentials were refused. Renew the secret, certificate or token that the message names, then run "maptician-sync test-connection".',
  },
  InsufficientRights: {
    policy: 'quarantine',
    action: 'The sign-in works but lacks a permission. Grant what the message names, then run "maptician-sync sync".',
  },
  Unreachable: {
    policy: 'quarantine',
    action: 'Check the address, the network and the service, then run "maptician-sync test-connection".',
  },
  UntrustedLink: {
    policy: 'quarantine',
    action:
      'A link led away from the configured origin and was not followed. Check the address that the message names, and any proxy.',
  },
  Misconfigured: {
    policy: 'quarantine',
    action: 'Correct the setting the message names, then run "maptician-sync test-connection".',
  },
  SchemaVersion: {
    policy: 'quarantine',
    action:
      'Run the version of maptician-sync that this state database was last opened with, or a newer one, on every machine. To go back to an older one, restore the backup from before the upgrade.',
  },
  TooManyFailures: {
    policy: 'quarantine',
    action:
      'Look whether Maptician works: "maptician-sync test-connection", and "maptician-sync log --status failure". It is tried again by itself, in minutes at first.',
  },
  TooManyRequests: { policy: 'retry', action: 'Nothing to do: it is retried by itself once the service allows it.' },
  InternalServerError: {
    policy: 'retry',
    action: 'Nothing to do yet: it is retried. If it lasts, ask the service owner.',
  },
  WebExceptionProtocolError: {
    policy: 'retry',
    action: 'Nothing to do yet: it is retried. If it lasts, check the network and any proxy.',
  },
  UnexpectedAnswer: {
    policy: 'retry',
    action: 'Check that the address is right and that no proxy answers in its place. If it lasts, report it.',
  },
  Timeout: { policy: 'retry', action: 'Nothing to do yet: it is retried. If it lasts, check why the service is slow.' },
  InternalError: {
    policy: 'retry',
    action: 'Nothing to do yet: it is retried. If it lasts, report it with the log lines of this cycle.',
  },
  IngestionInterrupted: {
    policy: 'quarantine',
    action:
      'What was read from Entra cannot be right, so nothing was done with it. Look at the assignments of the enterprise app and at ENTRA_APP_ID, then run "maptician-sync plan".',
  },
  Interrupted: { policy: 'stop', action: 'Nothing to do: the next cycle goes on where this one was.' },
  Paused: { policy: 'stop', action: 'Let it go on: maptician-sync resume' },
  PlanOutdated: {
    policy: 'stop',
    action: 'The saved plan is not what would be done now. Make a new one: maptician-sync plan --save FILE',
  },
  InvalidAnchor: {
    policy: 'retry',
    action: 'The account was removed in Maptician by someone else. It is matched or created anew by itself.',
  },
  Conflict: {
    policy: 'escrow',
    action: 'Another account holds a value that must be unique. Change it in Entra, or free it in Maptician.',
  },
  DuplicateSourceEntries: {
    policy: 'escrow',
    action: 'Several Entra users have this userName. Give each a userPrincipalName of their own, or unassign one.',
  },
  DuplicateTargetEntries: {
    policy: 'escrow',
    action: 'Several Maptician accounts have the same value of a matching attribute. Remove or change all but one.',
  },
  MandatoryFieldsMissing: { policy: 'escrow', action: 'Fill in the missing value in Entra, or map another attribute.' },
  ImportSkipped: {
    policy: 'escrow',
    action: 'The user has no value for any matching attribute. Fill one in in Entra, or map another attribute.',
  },
  SchemaPropertyCanOnlyAcceptValue: {
    policy: 'escrow',
    action: 'The source attribute does not fit its target. Change the attribute table (config/attributes.yaml).',
  },
  FunctionEvaluationFailed: {
    policy: 'escrow',
    action:
      'An expression of the attribute table has no value for this user. Try it with "maptician-sync mapping test", and correct it or the user.',
  },
  SchemaAttributeNotFound: {
    policy: 'escrow',
    action: 'The target attribute does not exist in Maptician. Remove it from the attribute table, or add it there.',
  },
  MethodNotAllowed: {
    policy: 'escrow',
    action: 'Maptician does not allow this kind of request. Run "maptician-sync test-connection", and ask its support.',
  },
  NotImplemented: {
    policy: 'escrow',
    action: 'Maptician does not know this kind of request. Run "maptician-sync test-connection", and ask its support.',
  },
  SystemForCrossDomainIdentityManagementServiceIncompatible: {
    policy: 'retry',
    action:
      "The answer is not what SCIM prescribes. Check MAPTICIAN_TENANT_URL and any proxy; if it lasts, ask Maptician's support.",
  },
  UnprocessableEntity: {
    policy: 'escrow',
    action:
      'Maptician refuses these values. Correct what the reason names in Entra, or change the attribute table. Where it names no value of yours, run "maptician-sync test-connection".',
  },
} as const satisfies Record<string, ErrorClass>;

/** The class of an error; a key of the one table. */
export type ErrorCode = keyof typeof errorClasses;

/** All codes, for schemas and help texts. */
export const errorCodes = Object.keys(errorClasses) as [ErrorCode, ...ErrorCode[]];

/** What the table says of a code. */
export function errorPolicy(code: ErrorCode): ErrorPolicy {
  return errorClasses[code].policy;
}

/** What follows from a code. */
export function errorHandling(code: ErrorCode): Handling {
  return policies[errorClasses[code].policy];
}

/** What a person should do about a code, one or two plain sentences. */
export function recommendedAction(code: ErrorCode): string {
  return errorClasses[code].action;
}

/**
 * An error of a known class. `message` says what happened, without secrets and without personal data: it may be
 * logged. `detail` may quote the other side's own words (a database's or server's reason, which can hold a value);
 * it goes to the provisioning log and the operator's mail only.
 */
export class SyncError extends Error {
  override readonly name = 'SyncError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  /** The HTTP status of the answer it was made from. */
  readonly httpStatus: number | undefined;
  /** Milliseconds for which the other side asked not to be asked again (Retry-After), where whoever tries again must know. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown;
      detail?: string | undefined;
      httpStatus?: number;
      retryAfter?: number | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.httpStatus = options.httpStatus;
    this.retryAfter = options.retryAfter;
  }
}

/** The JSON of an error, as commands and the API have it. */
export function errorJson({ code, message }: SyncError) {
  return { code, message, action: recommendedAction(code) };
}

/** Turns anything thrown into an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What pg-pool says, in these words only, when none of its connections became free, or could be made, in time. */
export const poolExhausted = /^timeout exceeded when trying to connect$/;

/** Turns anything thrown into a SyncError; what has no class yet is an InternalError. */
export function toSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const error = toError(thrown);
  if (poolExhausted.test(error.message)) {
    const message = 'The database had no connection free in time: it is overloaded, or does not answer';
    return new SyncError('Unreachable', message, { cause: error });
  }
  return new SyncError('InternalError', error.message, { cause: error });
}

/** The code of an error of Node or of a library, such as ENOENT; its name where it has none. It quotes nothing. */
export function codeOf(thrown: unknown): string {
  const error = toError(thrown);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
