import { describe, expect, test } from 'vitest';
import {
  credentialsNotice,
  type QuarantineFacts,
  quarantineNotice,
  recoveryNotice,
  silenceNotice,
} from '../../src/notify/job-templates.ts';
import { type Mail, renderMail } from '../../src/notify/mail-layout.ts';
import { type Failure, failureNotice, heldNotice, warningNotice } from '../../src/notify/templates.ts';

const since = new Date('2026-03-01T08:40:30Z');
const cycle = { id: '42', kind: 'incremental', startedAt: since, endedAt: new Date('2026-03-01T08:41:00Z') };
const host = 'sync-1';

function failure(user: string, more: Partial<Failure> = {}): Failure {
  return {
    user,
    objectId: '6204c1d1-4712-4c46-a7d9-3ed63d992682',
    action: 'create',
    code: 'Conflict',
    reason: `Another account has the userName ${user}.`,
    httpStatus: null,
    recommendedAction: 'Change it in Entra, or free it in Maptician.',
    nextRetryAt: new Date('2026-03-01T09:20:00Z'),
    attempts: 1,
    ...more,
  };
}

const users = (count: number) => Array.from({ length: count }, (_, index) => `user${index + 1}@contoso.com`);

const occurrences = (text: string, part: string) => text.split(part).length - 1;

/** What a reader sees of the HTML. */
function visible(html: string): string {
  return html
    .replace(/<title>.*?<\/title>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(
      /&(amp|lt|gt|quot|#39|nbsp);/g,
      (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
    )
    .replace(/\s+/g, ' ');
}

function expectBoth(mail: Mail, ...parts: string[]): void {
  for (const part of parts) {
    expect(mail.text).toContain(part);
    expect(visible(mail.html)).toContain(part);
  }
}

describe('the mail of failures', () => {
  const mailOf = (failures: Failure[], heldCount = 0) =>
    renderMail(failureNotice({ cycle, failures, heldCount, host }));

  test('says who, what, why and what to do', () => {
    const mail = mailOf([failure('zoë@contoso.com', { attempts: 3 })]);
    expect(mail.subject).toBe('[maptician-sync] create failed for zoë@contoso.com');
    expectBoth(
      mail,
      '1 user could not be brought up to date',
      'incremental cycle 42, from 2026-03-01 08:40 UTC to 2026-03-01 08:41 UTC',
      'zoë@contoso.com',
      'create failed: Another account has the userName zoë@contoso.com.',
      'What to do: Change it in Entra, or free it in Maptician.',
      'object id 6204c1d1-4712-4c46-a7d9-3ed63d992682 · tried 3 times · next try 2026-03-01 09:20 UTC',
      'Sent by maptician-sync on sync-1.',
    );
  });

  test('says what Maptician answered, where it was an HTTP status', () => {
    const mail = mailOf([failure('zoë@contoso.com', { attempts: 2, httpStatus: 409 })]);
    expectBoth(mail, 'object id 6204c1d1-4712-4c46-a7d9-3ed63d992682 · HTTP 409 · tried 2 times · next try');
  });

  test('groups users by what is to be done, the largest group first', () => {
    const mail = mailOf([
      failure('a@contoso.com', { code: 'MandatoryFieldsMissing', recommendedAction: 'Fill it in.', nextRetryAt: null }),
      failure('b@contoso.com', { reason: 'Taken.' }),
      failure('c@contoso.com', { reason: 'Taken.' }),
    ]);
    expect(mail.subject).toBe('[maptician-sync] 3 users failed');
    expect(mail.text.indexOf('Conflict: 2 users')).toBeLessThan(mail.text.indexOf('MandatoryFieldsMissing: 1 user'));
    expect(mail.text.indexOf('Conflict: 2 users')).toBeGreaterThan(0);
    expect(occurrences(mail.text, 'Taken.')).toBe(1);
    expectBoth(mail, 'Why: Taken.', 'What to do: Fill it in.', 'tried once · tried again after a change');
  });

  test('names fifty users and says where the others are', () => {
    const failures = users(73).map((user, index) =>
      failure(user, index < 40 ? {} : { code: 'Timeout', recommendedAction: 'Wait.' }),
    );
    const mail = mailOf(failures);
    expect(occurrences(mail.text, 'object id')).toBe(50);
    expect(occurrences(mail.html, 'object id')).toBe(50);
    expectBoth(mail, 'Conflict: 40 users', 'Timeout: 33 users', 'and 23 more: maptician-sync log --status failure');
  });

  test('has no "more" when exactly fifty users failed', () => {
    const mail = mailOf(users(50).map((user) => failure(user)));
    expect(occurrences(mail.text, 'object id')).toBe(50);
    expect(mail.text).not.toContain('more');
  });

  test('mentions removals that are held', () => {
    expectBoth(mailOf([failure('a@contoso.com')], 12), '12 removals are held for approval');
    expect(mailOf([failure('a@contoso.com')]).text).not.toContain('held');
  });

  test('lets no value from the directory become markup, a line or a header', () => {
    const mail = mailOf([
      failure('"><script>alert(1)</script>@contoso.com\r\nBcc: x@example.com', {
        reason: '<b>&amp;</b>\n\n-- \nforged',
      }),
    ]);
    expect(mail.html).not.toContain('<script>');
    expect(mail.html).not.toContain('<b>');
    expect(mail.html).toContain('&lt;b&gt;&amp;amp;&lt;/b&gt; -- forged');
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.text).not.toMatch(/^(Bcc|forged)/m);
  });

  test('cuts a reason that never ends', () => {
    expect(mailOf([failure('a@contoso.com', { reason: 'x'.repeat(100_000) })]).html.length).toBeLessThan(10_000);
  });

  test('counts those whom it was not handed', () => {
    const counts = new Map([['Conflict', 4_000]]);
    const failures = users(50).map((user) => failure(user));
    const mail = renderMail(failureNotice({ cycle, failures, counts, heldCount: 0, host }));
    expect(mail.subject).toBe('[maptician-sync] 4000 users failed');
    expectBoth(mail, 'Conflict: 4000 users', 'and 3950 more: maptician-sync log --status failure');
  });

  test('says in a reminder that it is still so', () => {
    const mail = renderMail(failureNotice({ failures: [failure('a@contoso.com')], heldCount: 0, host }));
    expect(mail.subject).toBe('[maptician-sync] Still so: create failed for a@contoso.com');
    expectBoth(mail, '1 user still cannot be brought up to date', 'Nobody else has failed since the last mail.');
  });
});

const later = (days: number) => new Date(since.getTime() + days * 24 * 60 * 60 * 1000);

const quarantine: QuarantineFacts = {
  reason: 'EncounteredQuarantineException',
  code: 'Unauthorized',
  message: 'Microsoft Entra refused the client secret.',
  since,
  nextAttempt: later(0.1),
  disabledAt: null,
  escrowsPruned: false,
  failures: [],
  failed: 0,
  reminder: false,
  now: since,
  host,
};

describe('the mail of a quarantine', () => {
  const mailOf = (facts: Partial<QuarantineFacts>) => renderMail(quarantineNotice({ ...quarantine, ...facts }));

  test('says what happened, the other side’s words, since when, what to do, and when it is tried again', () => {
    const mail = mailOf({ detail: 'AADSTS7000222: The provided client secret keys are expired.' });
    expect(mail.subject).toBe('[maptician-sync] Stopped: Unauthorized');
    expectBoth(
      mail,
      'Microsoft Entra refused the client secret.',
      'The answer was: AADSTS7000222',
      'Renew the secret, certificate or token',
      'maptician-sync test-connection',
      'maptician-sync resume',
      'maptician-sync restart',
      'since 2026-03-01 08:40 UTC: the job is in quarantine (EncounteredQuarantineException).',
      'next at 2026-03-01 11:04 UTC',
    );
    expect(mailOf({}).text).not.toContain('The answer was');
  });

  test('names who failed where they are the reason', () => {
    const failures = users(3).map((user) => ({ user, objectId: `id of ${user}`, code: 'Conflict', reason: 'Taken.' }));
    const mail = mailOf({
      reason: 'EncounteredEscrowProportionThreshold',
      code: null,
      message: '30 users failed, and 10 are well',
      failures,
      failed: 30,
    });
    expect(mail.subject).toBe('[maptician-sync] Stopped: too many users fail');
    expectBoth(mail, '30 users failed, and 10 are well', 'user3@contoso.com', 'Conflict: Taken.', 'and 27 more');
  });

  test('says that it waits for a person after a first cycle in which too many failed', () => {
    const mail = mailOf({ code: null, nextAttempt: null, escrowsPruned: true });
    expectBoth(mail, 'the job waits for you: nothing is tried before "resume"');
  });

  test('says in a reminder how long it has been so, and at the end that nothing is tried any more', () => {
    const reminder = mailOf({ reminder: true, now: later(3) });
    expect(reminder.subject).toBe('[maptician-sync] Still stopped after 3 days: Unauthorized');
    const last = mailOf({ disabledAt: later(28), nextAttempt: null, now: later(28) });
    expect(last.subject).toBe('[maptician-sync] Disabled after four weeks: Unauthorized');
    expectBoth(last, 'Nothing is tried by itself any more, and this is the last mail about it.');
  });

  test('of a cycle that stopped without a quarantine speaks of none', () => {
    expect(mailOf({ reason: undefined, nextAttempt: null }).text).not.toContain('the job is in quarantine');
  });
});

describe('the other mails', () => {
  test('the mail of held removals names the two commands and the users', () => {
    const removals = users(50).map((user) => ({
      user,
      objectId: `id of ${user}`,
      action: 'deactivate',
      reason: 'no longer assigned',
    }));
    const mail = renderMail(heldNotice({ removals, count: 612, limitText: 'more than 500 users', setId: '7' }));
    expect(mail.subject).toBe('[maptician-sync] 612 removals held for your approval');
    expectBoth(
      mail,
      'maptician-sync approve 7',
      'maptician-sync reject 7',
      'That is more than 500 users',
      'user50@contoso.com',
      'deactivate: no longer assigned',
      'and 562 more: maptician-sync plan',
    );
  });

  test('the mail of warnings lists them', () => {
    const mailOf = (warnings: string[]) => renderMail(warningNotice({ warnings, host }));
    const mail = mailOf(['The list of assignments ended at 999.', 'Two <groups> are gone.']);
    expect(mail.subject).toBe('[maptician-sync] 2 warnings');
    expectBoth(mail, 'The list of assignments ended at 999.', 'Two <groups> are gone.');
    expect(mailOf(['Odd.']).subject).toBe('[maptician-sync] Warning: Odd.');
  });

  test('the mail of recovery says what it was, and who fails all the same', () => {
    const mailOf = (failed: number) =>
      renderMail(recoveryNotice({ ended: { kind: 'quarantine', code: 'Unauthorized', since }, failed, host }));
    expectBoth(mailOf(0), 'since 2026-03-01 08:40 UTC: cycles stopped with Unauthorized', 'there is nothing to do');
    expectBoth(mailOf(2), '2 users still cannot be brought up to date', 'maptician-sync log --status failure');
  });

  test('the mail of silence says since when, and whether a cycle hangs', () => {
    const facts = { hours: 6, since, reminder: false, now: later(0.3), host };
    const silent = renderMail(silenceNotice({ ...facts, running: undefined }));
    expect(silent.subject).toBe('[maptician-sync] No cycle has finished for 7 hours');
    expectBoth(silent, 'Since 2026-03-01 08:40 UTC', 'without --no-schedule', 'maptician-sync status');
    const running = { id: 9, phase: 'apply', startedAt: since };
    expectBoth(renderMail(silenceNotice({ ...facts, running })), 'Cycle 9', 'in its phase "apply"');
  });

  test.each([
    ['secret', 30, 'The client secret expires in 30 days', 'AZURE_CLIENT_SECRET'],
    ['secret', 1, 'The client secret expires in 1 day', 'AZURE_CLIENT_SECRET'],
    ['certificate', 0, 'The certificate has expired', 'AZURE_CLIENT_CERTIFICATE_PATH'],
  ] as const)('the mail of a %s with %i days left says so, and how to renew it', (kind, days, title, setting) => {
    const credential = { kind, keyId: 'k', name: 'spring', expiresAt: later(days) };
    const mail = renderMail(credentialsNotice({ credential, now: since, host }));
    expect(mail.subject).toBe(`[maptician-sync] ${title}`);
    expectBoth(mail, '“spring”', setting, 'maptician-sync test-connection');
  });
});
