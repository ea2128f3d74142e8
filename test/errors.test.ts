import { expect, it } from 'vitest';
import { errorCodes, errorHandling, recommendedAction } from '../src/errors.ts';

/** What each class is to lead to, said a second time on purpose. */
const byPolicy = {
  'tried again at once and at the next cycle': [
    'TooManyRequests',
    'InternalServerError',
    'WebExceptionProtocolError',
    'UnexpectedAnswer',
    'Timeout',
    'InternalError',
    'InvalidAnchor',
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
  ],
  'kept in escrow until something changes': [
    'Conflict',
    'DuplicateSourceEntries',
    'DuplicateTargetEntries',
    'MandatoryFieldsMissing',
    'ImportSkipped',
    'SchemaPropertyCanOnlyAcceptValue',
    'FunctionEvaluationFailed',
    'SchemaAttributeNotFound',
    'MethodNotAllowed',
    'NotImplemented',
    'UnprocessableEntity',
  ],
  'a stop of the cycle, a quarantine and a mail at once': [
    'Unauthorized',
    'InsufficientRights',
    'Unreachable',
    'UntrustedLink',
    'Misconfigured',
    'IngestionInterrupted',
    'SchemaVersion',
    'TooManyFailures',
  ],
  'a stop of the cycle that is no failure': ['Interrupted', 'Paused', 'PlanOutdated'],
} as const;

const handling = {
  'tried again at once and at the next cycle': {
    retryNow: true,
    nextTry: 'next cycle',
    stopsCycle: false,
    mail: 'with the cycle',
  },
  'kept in escrow until something changes': {
    retryNow: false,
    nextTry: 'escrow',
    stopsCycle: false,
    mail: 'with the cycle',
  },
  'a stop of the cycle, a quarantine and a mail at once': {
    retryNow: false,
    stopsCycle: true,
    quarantines: true,
    mail: 'at once',
  },
  'a stop of the cycle that is no failure': { retryNow: false, stopsCycle: true, quarantines: false, mail: 'never' },
};

it('every class is in this list', () => {
  expect(Object.values(byPolicy).flat().sort()).toEqual([...errorCodes].sort());
});

for (const [what, codes] of Object.entries(byPolicy)) {
  it.each(codes)(`%s is ${what}, and says what to do`, (code) => {
    expect(errorHandling(code)).toMatchObject(handling[what as keyof typeof handling]);
    const action = recommendedAction(code);
    expect(action).toMatch(/^[A-Z].{15,}\.$|: maptician-sync .+$/s);
  });
}
