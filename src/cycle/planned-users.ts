/**
 * Streams the users to compare out of Postgres and lets plan/ decide, in chunks. Reads no user store and writes nothing,
 * so it is the dry run, too.
 */
import { type Decision, decide, type PlanRules, type Subject } from '../plan/decide.ts';
import type { Holder } from '../plan/names.ts';
import { payloadHash } from '../plan/payload.ts';
import type { Queryable } from '../state/database.ts';
import { when } from '../words.ts';
import { withEmailHolders } from './contested-values.ts';
import { isGraceOver } from './grace-period.ts';
import { type SubjectRow, toSubject } from './subject-row.ts';
import { readHeirs, withNames } from './wanted-names.ts';

/** One user with what was decided; what `plan` prints and what is written for `sync`. */
export interface Planned {
  readonly subject: Subject;
  readonly userName: string | null;
  readonly linkedName: string | null;
  readonly decision: Decision | Waiting | Passing | NameFailure | Refused;
  /** For a create: the account that passes to this user. */
  readonly takeover: Holder | undefined;
  readonly operationState: 'held' | 'approved' | null;
  /** What an operator said about an operation of this user, and the fingerprint of that one. */
  readonly answer: { readonly answer: 'approved' | 'rejected'; readonly payload: string } | null;
  /** How often in this cycle Maptician said that a value is another account's. */
  readonly contested: number;
  /** Which mark it was decided for: another one, or none any more, tells that somebody has seen to the user since. */
  readonly mark: string | null;
  /** What was refused before and is not sent again as it is. */
  readonly refused: Refusal | undefined;
}

/** A decision that becomes an operation. */
export type Operative = Exclude<Decision, { kind: 'nothing' | 'skip' | 'fail' }>;

/** Waits for the holder of a value it is to have; `yields` when the holder's account is to give it up for nothing. */
export interface Waiting {
  readonly kind: 'wait';
  readonly attribute: 'userName' | 'emails[type eq "work"].value';
  readonly holder: Holder;
  readonly yields: boolean;
  /** What is done once the value is free. */
  readonly next: Operative;
}

/**
 * Has no access any more, and the account passes to another user in this wave; so there is nothing to remove, unless that
 * fails: the next wave looks again.
 */
export interface Passing {
  readonly kind: 'pass';
  readonly reason: string;
}

/** In escrow, and what is to be done is the very same that was refused: it waits for a change, or for its retry. */
interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

type Skipped = Extract<Decision, { kind: 'skip' }>;

interface Refusal {
  readonly payload: string;
  readonly code: string | null;
  readonly until: Date | null;
}

interface NameFailure {
  readonly kind: 'fail';
  readonly code: 'DuplicateSourceEntries' | 'Conflict';
  readonly reason: string;
  readonly waitsFor?: string;
}

const chunkSize = 1000;

interface CandidateRow extends SubjectRow {
  linked_name: string | null;
  operation_state: 'held' | 'approved' | null;
  refused_payload: string | null;
  refused_code: string | null;
  refused_until: Date | null;
  answer: 'approved' | 'rejected' | null;
  answered_payload: string | null;
  contested: number;
  mark: string | null;
}

export interface Selection {
  /** Everyone, as if nobody had an account: for the dry run on another user store than before. */
  readonly unlinked?: boolean | undefined;
  /** This user, marked or not. */
  readonly only?: string | undefined;
  /** Also what was refused and would else wait for its retry. */
  readonly refused?: boolean | undefined;
}

/** The users to compare, in chunks: those marked, when they have been read and nothing of theirs is under way. */
export async function* plannedUsers(
  db: Queryable,
  rules: PlanRules,
  { unlinked = false, only, refused = false }: Selection = {},
): AsyncGenerator<Planned[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    // Apart from the rest: in one statement Postgres would sort all marks anew for every chunk.
    const marks = await db.query<{ id: string }>(
      only === undefined
        ? `select id from ${unlinked ? 'users' : 'to_compare'} where id > $1 order by id limit $2`
        : 'select id from users where id > $1 and id = $3 limit $2',
      [after, chunkSize, ...(only === undefined ? [] : [only])],
    );
    const last = marks.rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    const rows = await readCandidates(
      db,
      rules,
      marks.rows.map(({ id }) => id),
    );
    if (rows.length === 0) continue;
    const known = unlinked ? rows.map((row) => ({ ...row, maptician_id: null, linked_name: null })) : rows;
    const decided = await planRows(
      db,
      refused ? known.map((row) => ({ ...row, refused_payload: null })) : known,
      rules,
      unlinked,
    );
    // One user alone does not wait for what only a cycle does with another.
    yield only === undefined ? await withHeirs(db, decided, rules) : decided;
  }
}

/** What is decided about those of these users who are to be compared. */
export async function planUsers(db: Queryable, rules: PlanRules, ids: readonly string[]): Promise<Planned[]> {
  const marks = await db.query<{ id: string }>('select id from to_compare where id = any($1)', [ids]);
  const rows = await readCandidates(
    db,
    rules,
    marks.rows.map(({ id }) => id),
  );
  return withHeirs(db, await planRows(db, rows, rules, false), rules);
}

async function readCandidates(db: Queryable, rules: PlanRules, ids: readonly string[]): Promise<CandidateRow[]> {
  const { rows } = await db.query<CandidateRow>(
    `select u.id, u.attributes, u.roles, u.user_name, u.presence, u.in_scope, u.filtered_out, u.rejected_removal, u.rejected_reason,
       l.maptician_id, l.user_name as linked_name, l.active, l.applied, l.redacted, o.state as operation_state,
       ${isGraceOver('$2')} as grace_over, a.answer, a.payload as answered_payload, coalesce(c.contested, 0) as contested,
       c.xmin::text as mark,
       e.payload as refused_payload, e.code as refused_code, e.next_retry_at as refused_until
     from users u
       left join to_compare c on c.id = u.id
       left join links l on l.entra_id = u.id
       left join operations o on o.entra_id = u.id
       left join answers a on a.entra_id = u.id
       left join escrow e on e.entra_id = u.id and e.payload is not null and (e.next_retry_at is null or e.next_retry_at > now())
     where u.id = any($1) and not (u.needs_read and u.in_scope)
       and (o.state is null or o.state in ('held', 'approved'))
     order by u.id`,
    [ids, rules.deleteInactiveAfterDays ?? null],
  );
  return rows;
}

async function planRows(
  db: Queryable,
  rows: readonly CandidateRow[],
  rules: PlanRules,
  unlinked: boolean,
): Promise<Planned[]> {
  const planned = rows.map((row): Planned => {
    const subject = toSubject(row);
    return {
      subject,
      userName: row.user_name,
      linkedName: row.linked_name,
      decision: decide(subject, rules),
      takeover: undefined,
      operationState: row.operation_state,
      answer:
        row.answer === null || row.answered_payload === null
          ? null
          : { answer: row.answer, payload: row.answered_payload },
      contested: row.contested,
      mark: row.mark,
      refused:
        row.refused_payload === null
          ? undefined
          : { payload: row.refused_payload, code: row.refused_code, until: row.refused_until },
    };
  });
  const deletes = rules.hardDelete === 'delete' && rules.table.actions.delete;
  const named = await withNames(db, planned, { unlinked, deletes });
  return (await withEmailHolders(db, named, rules.table)).map(heldBack);
}

function heldBack(planned: Planned): Planned {
  const { decision } = planned;
  const instead = isOperative(decision) ? withheld(planned, decision) : undefined;
  return instead === undefined ? planned : { ...planned, decision: instead };
}

/**
 * Nothing refused is sent again as it was, and nothing that an operator rejected is planned again as it was. What waits for
 * an operator, or was approved, is not held back by a refusal. Undefined where the operation may go on.
 */
export function withheld(planned: Omit<Planned, 'decision'>, operation: Operative): Refused | Skipped | undefined {
  if (isAnswered({ ...planned, decision: operation }, 'rejected')) {
    return { kind: 'skip', reason: `${operation.kind} rejected by an operator` };
  }
  const { refused, operationState } = planned;
  if (refused === undefined || operationState !== null) return undefined;
  if (payloadOf({ ...planned, decision: operation }) !== refused.payload) return undefined;
  const until = refused.until === null ? 'somebody says so' : `${when(refused.until)} UTC`;
  return {
    kind: 'refused',
    reason: `refused as it is (${refused.code}): ${operation.kind} waits for a change, or until ${until}`,
  };
}

/** The fingerprint of what is to be done; undefined where nothing is. */
function payloadOf(planned: Planned): string | undefined {
  const { decision } = planned;
  if (!isOperative(decision)) return undefined;
  return payloadHash({ kind: decision.kind, account: accountOf(planned), attributes: decision.attributes });
}

/** Whether an operator has said so about the very same operation. */
export function isAnswered(planned: Planned, answer: 'approved' | 'rejected'): boolean {
  return planned.answer?.answer === answer && payloadOf(planned) === planned.answer.payload;
}

/** Accounts of leavers that pass to somebody in this same wave are not deactivated first: one write instead of a race of two. */
async function withHeirs(db: Queryable, chunk: readonly Planned[], rules: PlanRules): Promise<Planned[]> {
  const leavers = chunk.filter(isLeaver);
  if (leavers.length === 0) return [...chunk];
  const found = await readHeirs(
    db,
    leavers.map(({ linkedName }) => linkedName?.toLowerCase() ?? ''),
  );
  const taking = new Set(found.flatMap(({ id, taking }) => (taking ? [id] : [])));
  const possible = found.flatMap(({ id }) => (taking.has(id) ? [] : [id]));
  // The very decision about them, since a name alone does not tell whether they will get the account.
  const decided = await planRows(db, await readCandidates(db, rules, possible), rules, false);
  const heirs = new Map(
    decided
      .filter(({ decision }) => decision.kind === 'create')
      .map(({ subject, takeover }) => [takeover?.entraId, subject.id]),
  );
  for (const { id, name } of found) {
    const leaver = leavers.find(({ linkedName }) => linkedName?.toLowerCase() === name);
    if (leaver !== undefined && taking.has(id)) heirs.set(leaver.subject.id, id);
  }
  return chunk.map((planned) => {
    const heir = isLeaver(planned) ? heirs.get(planned.subject.id) : undefined;
    return heir === undefined
      ? planned
      : { ...planned, decision: { kind: 'pass', reason: `the account passes to ${heir}` } };
  });
}

function isLeaver({ decision, operationState, linkedName }: Planned): boolean {
  return decision.kind === 'deactivate' && operationState === null && linkedName !== null;
}

export function isOperative(decision: Planned['decision']): decision is Operative {
  return 'attributes' in decision;
}

/** The account that an operation of this user is for: its own, or the one that passes to it. */
export function accountOf({ subject, takeover }: Pick<Planned, 'subject' | 'takeover'>): string | null {
  return subject.link?.mapticianId ?? takeover?.mapticianId ?? null;
}

/** What is to be done about one user; undefined where a cycle has an operation of the user in hand, or it is unread. */
export async function planOfUser(
  db: Queryable,
  rules: PlanRules,
  selection: Selection & { readonly only: string },
): Promise<Planned | undefined> {
  for await (const [planned] of plannedUsers(db, rules, selection)) return planned;
  return undefined;
}
