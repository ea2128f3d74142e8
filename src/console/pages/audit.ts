/** Who pulled which lever, and when. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { readAudit } from '../../state/audit.ts';
import { empty, nextPage } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { auditTable } from './audit-list.ts';

const pageSize = 50;
const query = z.object({ before: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional() });

export function auditPages({ pool }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.get('/audit', async (c) => {
    const asked = query.safeParse(c.req.query());
    if (!asked.success) throw badRequest('This page of the audit is not known.');
    const { entries, next } = await readAudit(pool, { ...asked.data, limit: pageSize });
    return page(c, {
      title: 'Audit',
      section: '/settings',
      body: [
        html`<p>Each time somebody changed what is done, here, at the command line or over the API.</p>`,
        entries.length === 0 ? empty('Nobody has pulled a lever yet.') : auditTable(entries),
        nextPage(next === undefined ? undefined : `/audit?before=${next}`),
      ],
    });
  });
  return app;
}
