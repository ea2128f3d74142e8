/** An operator's word on what is held: carry it out, or leave these users as they are. */
import type pg from 'pg';
import { z } from 'zod';
import { userAttributes } from '../mapping/maptician-user.ts';
import type { OperationKind } from '../plan/decide.ts';
import { payloadHash } from '../plan/payload.ts';
import { writeAudit } from '../state/audit.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { isRemoval } from './plan-pass.ts';

export interface Answer {
  readonly answer: 'approved' | 'rejected';
  readonly set: number;
  /** Only these, by object id or userName without case; undefined for the whole set. */
  readonly users: readonly string[] | undefined;
  /** An approval counts for so long. */
  readonly expiryDays: number;
  /** Who answers; by default the user of the operating system. */
  readonly actor?: string | undefined;
}

export interface Answered {
  /** Users by what was to be done to them. */
  readonly kinds: Readonly<Partial<Record<OperationKind, number>>>;
  /** Of those named, who is not held in this set; then nothing was answered. */
  readonly unknown: readonly string[];
}

const pageSize = 5000;

const heldRow = z.object({
  id: z.number(),
  entraId: z.string(),
  kind: z.enum(['create', 'update', 'reactivate', 'yield', 'deactivate', 'delete']),
  account: z.string().nullable(),
  attributes: userAttributes,
  reason: z.string().nullable(),
});
type HeldRow = z.infer<typeof heldRow>;

/** Answers a set, page by page, and writes down who did it. What is approved is carried out by the next cycle. */
export async function answerHeld(pool: pg.Pool, answer: Answer): Promise<Answered> {
  const { ids, unknown } = await findUsers(pool, answer);
  if (unknown.length > 0) return { kinds: {}, unknown };
  const kinds: Partial<Record<OperationKind, number>> = {};
  // A cycle may be writing these very rows anew: who waited for it finds the new ones at the second look.
  for (let emptyPages = 0; emptyPages < 2; ) {
    const page = await transaction(pool, (client) => answerPage(client, answer, ids));
    emptyPages = page.length === 0 ? emptyPages + 1 : 0;
    countKinds(page, kinds);
  }
  return { kinds, unknown: [] };
}

function countKinds(page: readonly HeldRow[], counts: Partial<Record<OperationKind, number>> = {}) {
  for (const { kind } of page) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Who is meant, by object id. */
async function findUsers(
  db: Queryable,
  { set, users }: Answer,
): Promise<{ ids: readonly string[] | undefined; unknown: readonly string[] }> {
  if (users === undefined) return { ids: undefined, unknown: [] };
  const { rows } = await db.query<{ name: string; id: string | null }>(
    `select wanted.name, held.entra_id as id
     from unnest($2::text[]) as wanted(name) left join lateral (
       select o.entra_id from operations o left join users u on u.id = o.entra_id left join links l on l.entra_id = o.entra_id
       where o.state = 'held' and o.set_id = $1
         and lower(wanted.name) in (o.entra_id::text, lower(u.user_name), lower(l.user_name))) held on true`,
    [set, users],
  );
  return {
    ids: [...new Set(rows.flatMap(({ id }) => id ?? []))],
    unknown: rows.filter(({ id }) => id === null).map(({ name }) => name),
  };
}

async function answerPage(db: Queryable, answer: Answer, ids: readonly string[] | undefined): Promise<HeldRow[]> {
  const found = await db.query(
    `select id, entra_id as "entraId", kind, maptician_id as account, attributes, reason from operations
     where state = 'held' and set_id = $1 and ($2::uuid[] is null or entra_id = any($2)) order by id limit $3 for update`,
    [answer.set, ids ?? null, pageSize],
  );
  const page = found.rows.map((row) => heldRow.parse(row));
  if (page.length === 0) return page;
  if (answer.answer === 'approved') await approvePage(db, page, answer.expiryDays);
  else await rejectPage(db, page);
  await writeAudit(db, {
    actor: answer.actor,
    action: answer.answer === 'approved' ? 'approve' : 'reject',
    subject: `set ${answer.set}`,
    detail: { ...countKinds(page), ...(ids === undefined ? {} : { users: page.map(({ entraId }) => entraId) }) },
  });
  return page;
}

async function approvePage(db: Queryable, page: readonly HeldRow[], expiryDays: number): Promise<void> {
  await db.query(`update operations set state = 'approved' where id = any($1)`, [page.map(({ id }) => id)]);
  await writeAnswers(db, 'approved', page, expiryDays);
}

async function rejectPage(db: Queryable, page: readonly HeldRow[]): Promise<void> {
  await db.query('delete from operations where id = any($1)', [page.map(({ id }) => id)]);
  const removals = page.filter(({ kind }) => isRemoval(kind));
  await db.query(
    `update users u set rejected_removal = r.kind, rejected_reason = r.reason
     from unnest($1::uuid[], $2::text[], $3::text[]) as r(id, kind, reason) where u.id = r.id`,
    [removals.map(({ entraId }) => entraId), removals.map(({ kind }) => kind), removals.map(({ reason }) => reason)],
  );
  await writeAnswers(
    db,
    'rejected',
    page.filter(({ kind }) => !isRemoval(kind)),
    null,
  );
}

async function writeAnswers(
  db: Queryable,
  answer: Answer['answer'],
  rows: readonly HeldRow[],
  expiryDays: number | null,
): Promise<void> {
  await db.query(
    `insert into answers (entra_id, answer, payload, expires_at)
     select id, $1, payload, now() + make_interval(days => $2) from unnest($3::uuid[], $4::text[]) as p(id, payload)
     on conflict (entra_id) do update set answer = excluded.answer, payload = excluded.payload,
       expires_at = excluded.expires_at`,
    [answer, expiryDays, rows.map(({ entraId }) => entraId), rows.map((row) => payloadHash(row))],
  );
}
