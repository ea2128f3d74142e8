/** Who is told of what, and how often, while time passes. */
import { afterEach, describe, expect, it } from 'vitest';
import { runCycle } from '../../jobs/run-cycle.ts';
import { type Duty, runDuties } from '../../src/duties.ts';
import type { Service } from '../../src/service.ts';
import { disableJob, pauseJob, resumeJob } from '../../src/state/job.ts';
import { passTime } from '../support/pass-time.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openWebhookReceiver } from '../support/webhook-receiver.ts';
import { openWithGoneStore } from './gone-store.ts';
import { tenantOf } from './people.ts';
import { openPeopled } from './peopled-world.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The subjects of the mails that came, without what they all begin with; the mailbox is emptied. */
function takeSubjects({ sandbox: { mailbox } }: World): string[] {
  const subjects = mailbox.mails().map(({ subject }) => subject.replace('[maptician-sync] ', ''));
  mailbox.clear();
  return subjects;
}

const unsent = `select from maptician_sync.deliveries d where sent_at is null and given_up_at is null`;

const duties = new WeakMap<Service, readonly Duty[]>();

/** A minute of a service that runs: its duties, and what they send. */
async function minute(world: World): Promise<void> {
  const service = await world.service();
  const known = duties.get(service) ?? (await service.duties({ schedule: false }));
  duties.set(service, known);
  await runDuties(known, service.log, new AbortController().signal);
  await waitUntil(async () => (await world.pool.query(unsent)).rowCount === 0);
}

/** Days of a service that runs, in steps. */
async function days(world: World, count: number, also: () => Promise<unknown> = async () => undefined): Promise<void> {
  for (let day = 1; day <= count; day++) {
    await passTime(world.pool, '1 day');
    await also();
    await minute(world);
  }
}

/** A world in which one user is refused by the store as long as the title is Chief. */
async function openRefusing(options: WorldOptions = {}) {
  const opened = await openPeopled(3, options);
  const { world, tenant, ids } = opened;
  await (await world.service()).store();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Chief' });
  return opened;
}

describe('a user who fails for a month', () => {
  it('is told of at once and six times more, by mail and in the chat, and then that it is over', async () => {
    await using receiver = await openWebhookReceiver();
    const { world, tenant, ids } = await openRefusing({ settings: { NOTIFICATION_WEBHOOK_URL: receiver.url } });
    const name = tenant.users.find(ids[0] ?? '')?.properties.userPrincipalName ?? '';
    expect(await world.sync()).toMatchObject({ exit: 1 });
    expect(takeSubjects(world)).toEqual([`create failed for ${name}`]);
    await days(world, 30);
    expect(takeSubjects(world)).toEqual(Array(6).fill(`Still so: create failed for ${name}`));
    expect(receiver.posted).toHaveLength(7);

    tenant.users.update(ids[1] ?? '', { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 1 });
    expect(takeSubjects(world), 'whoever is new is told of at once').toEqual(['2 users failed']);
    await days(world, 2);
    expect(takeSubjects(world), 'and reminders begin anew').toEqual(['Still so: 2 users failed']);

    for (const id of ids.slice(0, 2)) tenant.users.update(id, { jobTitle: 'Surveyor' });
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(takeSubjects(world)).toEqual(['Well again']);
    await days(world, 8);
    expect(takeSubjects(world)).toEqual([]);
    expect(receiver.posted).toHaveLength(10);
    expect(receiver.posted[0]).toContain(name);
    const told = world.log.join('\n');
    expect(told).not.toContain(name);
    expect(told).not.toContain(receiver.secret);
  });

  it('is told of once where the chat is away, and there as soon as it is back, but not before it said', async () => {
    await using receiver = await openWebhookReceiver();
    receiver.answer = { status: 429, headers: { 'retry-after': '600' } };
    const { world } = await openRefusing({ settings: { NOTIFICATION_WEBHOOK_URL: receiver.url } });
    expect(await world.sync()).toMatchObject({ exit: 1 });
    receiver.answer = { status: 202 };
    expect(await world.sync()).toMatchObject({ exit: 1 });
    await minute(world);
    expect(receiver.requests).toHaveLength(1);
    await passTime(world.pool, '11 minutes');
    await minute(world);
    expect(receiver.posted).toHaveLength(1);
    expect(takeSubjects(world)).toHaveLength(1);

    receiver.answer = { status: 404 };
    await days(world, 1);
    expect(takeSubjects(world)).toHaveLength(1);
    expect(receiver.requests, 'what a person has to mend is not tried again at once').toHaveLength(3);
    await minute(world);
    expect(receiver.requests).toHaveLength(3);
    expect(world.log.join('')).toContain('refused the message (404)');
  });
});

describe('a target that is dead for a month', () => {
  it('is told of seven times, and its end once; a reason that changes is told of, too', async () => {
    const { world } = await openWithGoneStore();
    const [first = ''] = takeSubjects(world);
    expect(first).toMatch(/^Stopped: /);
    const code = first.replace('Stopped: ', '');
    const service = await world.service();
    await days(world, 30, async () => {
      await disableJob(service.database.pool, new Date());
      await runCycle(await service.cycleContext(), { data: { trigger: 'schedule' } }, new AbortController().signal);
    });
    expect(takeSubjects(world)).toEqual([
      ...[1, 3, 7, 14, 21].map((day) => `Still stopped after ${day === 1 ? '24 hours' : `${day} days`}: ${code}`),
      `Disabled after four weeks: ${code}`,
    ]);

    await resumeJob(service.database.pool);
    expect(await world.sync()).toMatchObject({ exit: 2 });
    expect(takeSubjects(world), 'resumed, and still dead').toEqual([first]);
    const { AZURE_CLIENT_SECRET: secret = '' } = world.settings;
    await world.restart({ MAPTICIAN_DATABASE_URL: world.databaseUrl, AZURE_CLIENT_SECRET: 'another' });
    for (let run = 1; run <= 2; run++) expect(await world.sync()).toMatchObject({ exit: 2 });
    expect(takeSubjects(world)).toEqual(['Stopped: Unauthorized']);
    await world.restart({ AZURE_CLIENT_SECRET: secret });
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(takeSubjects(world)).toEqual(['Well again']);
  });
});

describe('hours without a cycle', () => {
  /** Hours of a service that watches without a gap. */
  async function hours(world: World, count: number): Promise<void> {
    for (let passed = 0; passed < count; passed += 0.75) {
      await passTime(world.pool, '45 minutes');
      await minute(world);
    }
  }

  it('are told of after six, once, then after a day, and when a cycle has finished; not while paused', async () => {
    const { world } = await openPeopled(2);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    await minute(world);
    await hours(world, 5);
    expect(takeSubjects(world)).toEqual([]);
    const { pool } = (await world.service()).database;
    await pauseJob(pool);
    await hours(world, 2);
    expect(takeSubjects(world)).toEqual([]);
    await resumeJob(pool);
    await hours(world, 5);
    expect(takeSubjects(world), 'they are counted from where it goes on').toEqual([]);
    await hours(world, 2);
    expect(takeSubjects(world)).toEqual([expect.stringMatching(/^No cycle has finished for 1\d hours$/)]);
    await hours(world, 24);
    expect(takeSubjects(world)).toEqual([expect.stringMatching(/^Still no cycle has finished for 3\d hours$/)]);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(takeSubjects(world)).toEqual(['Well again']);
  });

  it('are none where the service was stopped for as long', async () => {
    const { world } = await openPeopled(2);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    await days(world, 2);
    expect(takeSubjects(world)).toEqual([]);
  });
});

describe('a client secret that expires', () => {
  it('is told of 30, 14, 7, 3 and 1 days before, and when it has, though nobody can sign in then', async () => {
    const { world, tenant } = await openPeopled(2);
    const [credential] = tenant.worker.passwordCredentials;
    if (credential === undefined) throw new Error('The app has no secret.');
    const expireIn = (left: number) => {
      tenant.worker.passwordCredentials[0] = { ...credential, endsAt: Date.now() + (left - 0.1) * 86_400_000 };
    };
    expect(await world.sync()).toMatchObject({ exit: 0 });
    await minute(world);
    for (const left of [40, 31, 30, 20, 14, 13, 7, 6, 3, 2, 1]) {
      expireIn(left);
      await passTime(world.pool, '25 hours');
      await minute(world);
    }
    const inDays = (count: number) => `The client secret expires in ${count} day${count === 1 ? '' : 's'}`;
    expect(takeSubjects(world)).toEqual([30, 14, 7, 3, 1].map(inDays));

    expireIn(0);
    await passTime(world.pool, '25 hours');
    await minute(world);
    await world.restart({ AZURE_CLIENT_SECRET: 'expired' });
    expect(await world.sync()).toMatchObject({ exit: 2 });
    await passTime(world.pool, '25 hours');
    await minute(world);
    expect(takeSubjects(world)).toEqual([
      'The client secret has expired',
      'Stopped: Unauthorized',
      expect.stringContaining('Still stopped'),
    ]);
  });
});

it('mails go through Graph where a mailbox is named, and to whom their kind is for', async () => {
  const { tenant } = tenantOf(3);
  const sender = [...tenant.users.all.values()][1]?.properties.userPrincipalName ?? '';
  tenant.permissions = [...tenant.permissions, 'Mail.Send'];
  const world = await openWorld({
    sandbox: { tenant },
    settings: {
      SMTP_URL: '',
      MAIL_GRAPH_SENDER: sender,
      NOTIFICATION_EMAIL_BY_KIND: 'quarantine=oncall@contoso.example; recovery=nobody',
    },
  });
  cleanups.push(world.close);
  await world.restart({ ENTRA_APP_ID: '8e4b3c7a-0000-4000-8000-000000000000' });
  world.sandbox.faults.inject({ path: '*/sendMail', fault: { kind: 'status', status: 503 } });
  expect(await world.sync()).toMatchObject({ exit: 2 });
  expect(world.sandbox.mailbox.mails()).toMatchObject([{ from: sender, to: ['oncall@contoso.example'] }]);
  await world.restart({ ENTRA_APP_ID: tenant.maptician.appId });
  expect(await world.sync()).toMatchObject({ exit: 0 });
  expect(world.sandbox.mailbox.mails()).toHaveLength(1);
  expect(world.log.join('')).not.toContain(sender);
});
