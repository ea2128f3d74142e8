/** Entries of the audit as a table. */
import { html } from 'hono/html';
import { z } from 'zod';
import type { AuditRecord } from '../../state/audit.ts';
import { type Content, moment, table } from '../components.ts';

const userIds = z.array(z.guid());
/** So many users are named by links; the others are counted. */
const linkedAtMost = 5;

export function auditTable(entries: readonly AuditRecord[]): Content {
  return table(
    'Levers that were pulled, newest first',
    ['Time (UTC)', 'Who', 'What', 'To what', 'Details'],
    entries.map(({ at, actor, action, subject, detail }) => [
      moment(at),
      actor,
      action,
      subjectLink(subject),
      Object.entries(detail).map(([name, content], index) => [index === 0 ? '' : '; ', describe(name, content)]),
    ]),
  );
}

/** What has a page is linked. */
function subjectLink(subject: string | null): Content {
  if (subject === null) return 'provisioning as a whole';
  const user = /^user ([0-9a-f-]{36})$/i.exec(subject)?.[1];
  return user === undefined ? subject : html`<a href="/users/${user}">${subject}</a>`;
}

function describe(name: string, content: unknown): Content {
  const ids = name === 'users' ? userIds.safeParse(content).data : undefined;
  if (ids === undefined) return `${name}: ${plain(content)}`;
  const more = ids.length - linkedAtMost;
  return [
    'users: ',
    ids
      .slice(0, linkedAtMost)
      .map((id, index) => [index === 0 ? '' : ', ', html`<a href="/users/${id}">${id.slice(0, 8)}…</a>`]),
    more > 0 ? ` and ${more} more` : '',
  ];
}

function plain(content: unknown): string {
  if (Array.isArray(content)) return content.map(plain).join(', ');
  return typeof content === 'string' ? content : JSON.stringify(content);
}
