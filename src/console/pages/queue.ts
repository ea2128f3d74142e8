/** The queue in short: how many jobs are in which state, and those that have failed for good. bull-board has more. */
import type { Job } from 'bullmq';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { jobCounts, type QueueBackend, type QueueName, queueNames } from '../../queue/backend.ts';
import { empty, type Markup, moment, table } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { page } from '../layout.ts';

/** So many failed jobs of each queue, newest first. */
const failedShown = 20;

const about: Readonly<Record<QueueName, string>> = {
  operations: 'users to create, update, deactivate or delete in Maptician',
  cycles: 'cycles and drift checks',
  notifications: 'mails and messages',
};

export function queuePages({ service }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.get('/queue', async (c) => {
    const backend = await service.queue();
    return page(c, {
      title: 'Queue',
      section: '/queue',
      body: html`
        <p>BullMQ on ${backend.kind === 'redis' ? 'Redis' : 'PostgreSQL'}. A cycle makes its jobs anew from what is to be done, so a job that is lost costs nothing but time. <a href="/queue/board">Open bull-board</a> to look into jobs${c.get('viewer').role === 'operator' ? ', and to retry or remove them' : ''}.</p>
        <section data-live="5" id="jobs" aria-label="Jobs">${await jobTable(backend)}</section>
        <h2>Failed for good</h2>
        ${await failedTable(backend)}`,
    });
  });
  return app;
}

async function jobTable(backend: QueueBackend): Promise<Markup> {
  const counts = await Promise.all(queueNames.map((name) => jobCounts(backend.queue(name))));
  const states = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;
  return table(
    'Jobs by queue and state',
    ['Queue', 'For', ...states],
    queueNames.map((name, index) => {
      const { paused = 0, prioritized = 0, waiting = 0, ...others } = counts[index] ?? {};
      const known: Readonly<Record<string, number>> = { ...others, waiting: waiting + paused + prioritized };
      return [name, about[name], ...states.map((state) => (known[state] ?? 0).toLocaleString('en'))];
    }),
  );
}

async function failedTable(backend: QueueBackend): Promise<Markup> {
  const found = await Promise.all(
    queueNames.map(async (name) => {
      const jobs = await backend.queue(name).getFailed(0, failedShown - 1);
      return jobs.map((job: Job) => ({ name, job }));
    }),
  );
  const failed = found.flat().toSorted((a, b) => (b.job.finishedOn ?? 0) - (a.job.finishedOn ?? 0));
  if (failed.length === 0) return empty('No job. What a user failed with is among the failures.');
  return table(
    'Jobs that failed',
    ['When (UTC)', 'Queue', 'Job', 'Tried', 'Why'],
    failed.map(({ name, job }) => [
      moment(job.finishedOn === undefined ? null : new Date(job.finishedOn)),
      name,
      html`<code>${job.name} ${job.id}</code>`,
      job.attemptsMade,
      job.failedReason,
    ]),
  );
}
