/**
 * Pages of the provisioning log for who turns them one by one, and single entries. A page comes soon whatever is asked for:
 * where few entries match, the look ends after so many, and says how far it was.
 */
import type { FoldedEntry } from '../log-record/fold.ts';
import type { Queryable } from './database.ts';
import { type LogConditions, logConditions } from './log-filter.ts';
import { type LogFilter, type LogRecord, readRecords } from './provisioning-log.ts';

/** So many entries at most are looked at for one page. */
const lookedAtMost = 50_000;

export interface LogPage {
  /** Newest first. */
  readonly records: readonly LogRecord[];
  /** The `before` of the next page; undefined where nothing older is left to look at. */
  readonly next: number | undefined;
  /** Set where fewer entries than asked for were found by then, and older ones may match: up to when it was looked. */
  readonly lookedTo: Date | undefined;
}

export interface LogPageRequest {
  /** Entries with a smaller id, older than these: the `next` of the page before. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** The newest entries that match. `filter.limit` is left aside, and a user whom nobody knows any more has an object id only. */
export async function readLogPage(db: Queryable, filter: LogFilter, request: LogPageRequest): Promise<LogPage> {
  return readPage(db, filter, request);
}

/** @param folding what says of a row `p` that it is not shown, and of how many at most this is asked */
async function readPage(
  db: Queryable,
  filter: LogFilter,
  { before, limit }: LogPageRequest,
  folding?: Folding,
): Promise<LogPage> {
  const below = [before, filter.before].filter((id) => id !== undefined);
  const bounded = { ...filter, before: below.length === 0 ? undefined : Math.min(...below) };
  return readMatching(db, await logConditions(db, bounded, { former: false }), limit, folding);
}

interface Folding {
  readonly hidden: string;
  readonly atMost: number;
}

/** The same for conditions of one's own on a row `p`. */
export async function readMatching(
  db: Queryable,
  { conditions, indexed, values }: LogConditions,
  limit: number,
  folding?: Folding,
): Promise<LogPage> {
  const looked = (columns: string) =>
    `select ${columns} from provisioning_log p where ${[...indexed.conditions, 'true'].join(' and ')} order by p.id desc limit ${lookedAtMost}`;
  const matching = (atMost: number) =>
    `select * from (${looked('*')}) p where ${[...conditions, 'true'].join(' and ')} order by p.id desc limit ${atMost}`;
  const shown =
    folding === undefined
      ? matching(limit + 1)
      : `select * from (${matching(folding.atMost)}) p where not ${folding.hidden} order by p.id desc limit ${limit + 1}`;
  const found = await readRecords(db, shown, values);
  if (found.length > limit) {
    const records = found.slice(0, limit);
    return { records, next: records.at(-1)?.id, lookedTo: undefined };
  }
  const folded = folding && (await endOf(db, matching(folding.atMost), values));
  if (folding !== undefined && folded?.entries === folding.atMost)
    return { records: found, next: folded.id, lookedTo: folded.at };
  const { entries, id, at } = await endOf(db, looked('p.id, p.activity_at'), indexed.values);
  return entries < lookedAtMost
    ? { records: found, next: undefined, lookedTo: undefined }
    : { records: found, next: id, lookedTo: at };
}

/** How many entries these are, and the oldest of them. */
async function endOf(
  db: Queryable,
  entries: string,
  values: readonly unknown[],
): Promise<{ entries: number; id: number | undefined; at: Date | undefined }> {
  const { rows } = await db.query<{ entries: number; id: number | null; at: Date | null }>(
    `select count(*) as entries, min(p.id) as id, min(p.activity_at) as at from (${entries}) p`,
    [...values],
  );
  const { entries: count = 0, id, at } = rows[0] ?? {};
  return { entries: count, id: id ?? undefined, at: at ?? undefined };
}

/** Failures that repeat themselves are many: of them fewer are looked at, since each asks for what came after it. */
const foldedAtMost = 2_000;
/** So many repetitions are counted, in the time in which a user is tried again by itself: two months of the log at most. */
const countedAtMost = 100;
const countedWithin = '28 days';

export interface FoldedPage extends Omit<LogPage, 'records'> {
  readonly lines: readonly FoldedEntry[];
}

/**
 * The same, with one line for a failure that repeated itself: its newest entry stands for those before it, whatever page
 * they would be on. What followed an entry counts where the filter has it, too.
 */
export async function readFoldedPage(db: Queryable, filter: LogFilter, request: LogPageRequest): Promise<FoldedPage> {
  const { records, ...page } = await readPage(db, filter, request, {
    hidden: isRepeated(filter),
    atMost: foldedAtMost,
  });
  const repeated = await countRepetitions(db, records);
  return {
    ...page,
    lines: records.map((entry) => {
      const { times = 0, since = entry.activityAt } = repeated.get(entry.id) ?? {};
      return { entry, times: times + 1, since };
    }),
  };
}

const sameFailure = (one: string, other: string) =>
  `${one}.status = 'failure' and ${one}.operation = ${other}.operation and ${one}.code is not distinct from ${other}.code
   and ${one}.reason is not distinct from ${other}.reason`;

/** A user is tried again at least so often, or not any more; so only the months of these days are looked into. */
const triedWithin = '7 days';

/** Whether a failure's user failed in the same way the next time. */
function isRepeated({ until }: LogFilter): string {
  const shown = until === undefined ? 'true' : `n.activity_at < '${until.toISOString()}'`;
  return `(p.status = 'failure' and exists (
    select from (select * from provisioning_log n
      where n.entra_id = p.entra_id and n.id > p.id and n.activity_at >= p.activity_at - interval '1 day'
        and n.activity_at < p.activity_at + interval '${triedWithin}' and ${shown}
      order by n.id limit 1) n
    where ${sameFailure('n', 'p')} and n.attempt = p.attempt + 1))`;
}

interface Repetitions {
  readonly id: number;
  readonly times: number;
  readonly since: Date;
}

/** How often before each of these failures their users had failed in the same way, without anything in between. */
async function countRepetitions(db: Queryable, records: readonly LogRecord[]) {
  const ids = records.flatMap(({ id, status, attempt }) => (status === 'failure' && (attempt ?? 1) > 1 ? [id] : []));
  if (ids.length === 0) return new Map<number, Repetitions>();
  const { rows } = await db.query<Repetitions>(
    `select p.id, o.times, o.since from provisioning_log p cross join lateral (
       select count(*) as times, min(activity_at) as since from (
         select activity_at, bool_and(same) over (order by id desc) as unbroken from (
           select o.id, o.activity_at, ${sameFailure('o', 'p')}
             and o.attempt = p.attempt - row_number() over (order by o.id desc) as same
           from (
             select * from provisioning_log o where o.entra_id = p.entra_id and o.id < p.id
               and o.activity_at > p.activity_at - interval '${countedWithin}' order by o.id desc limit ${countedAtMost}) o
         ) o) o where unbroken) o
     where p.id = any($1) and o.times > 0`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** One entry; undefined where there is none of that id. */
export async function readLogEntry(db: Queryable, id: number): Promise<LogRecord | undefined> {
  const [entry] = await readRecords(db, 'select * from provisioning_log p where p.id = $1', [id]);
  return entry;
}

/** The ids of the entries of the same user before and after one. */
export async function readNeighbours(
  db: Queryable,
  { id, entraId }: Pick<LogRecord, 'id' | 'entraId'>,
): Promise<{ readonly older: number | undefined; readonly newer: number | undefined }> {
  const { rows } = await db.query<{ older: number | null; newer: number | null }>(
    `select (select max(id) from provisioning_log where entra_id = $1 and id < $2) as older,
       (select min(id) from provisioning_log where entra_id = $1 and id > $2) as newer`,
    [entraId, id],
  );
  return { older: rows[0]?.older ?? undefined, newer: rows[0]?.newer ?? undefined };
}
