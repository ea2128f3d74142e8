/** What the provisioning log's page is asked for: its query string, as a filter and back. Users stand in it by object id. */
import { z } from 'zod';
import { readMoment } from '../../moment.ts';
import { type LogFilter, logActions, logStatuses } from '../../state/provisioning-log.ts';

const id = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);

/** A time as it is written in the form, which is what stands in links: `7d` is to mean seven days tomorrow, too. */
const moment = z
  .string()
  .trim()
  .refine((text) => readMoment(text, 0) !== undefined);

const fields = {
  user: z.guid().toLowerCase(),
  status: z.enum(logStatuses),
  action: z.enum(logActions),
  code: z.string().trim().max(100),
  cycle: id,
  since: moment,
  until: moment,
  /** Each entry, and not one line for a failure that repeated itself. */
  all: z.literal('1'),
  /** Of a page that is not the first. */
  before: id,
} as const;

const logQuery = z.object(fields).partial();
export type LogQuery = z.infer<typeof logQuery>;

export const logFields = Object.keys(fields) as (keyof LogQuery)[];

/** What is wrong with a field, for whoever filled it in. */
const mistakes: Readonly<Record<keyof LogQuery, string>> = {
  user: 'A user is named by the object id here; look for a name with "Entries of a user".',
  status: `The status is one of ${logStatuses.join(', ')}.`,
  action: `The action is one of ${logActions.join(', ')}.`,
  code: 'The error code is too long.',
  cycle: 'The cycle is a number.',
  since: 'A time is written as 2026-11-24 08:00 (UTC), or as how long ago: 2h, 7d, 4w.',
  until: 'A time is written as 2026-11-24 08:00 (UTC), or as how long ago: 2h, 7d, 4w.',
  all: 'Each entry is shown with all=1.',
  before: 'This page of the log is not known.',
};

/** Fields that are left empty ask for nothing. `mistakes` says what is wrong with those that cannot be. */
export function readLogQuery(given: Readonly<Record<string, unknown>>): {
  readonly query: LogQuery;
  readonly mistakes: readonly string[];
} {
  const filled = Object.entries(given).filter(([, text]) => typeof text === 'string' && text.trim() !== '');
  const checked = logQuery.safeParse(Object.fromEntries(filled));
  if (checked.success) return { query: checked.data, mistakes: [] };
  const wrong = new Set(checked.error.issues.map(({ path }) => path[0] as keyof LogQuery));
  const right = filled.filter(([name]) => !wrong.has(name as keyof LogQuery));
  return {
    query: logQuery.parse(Object.fromEntries(right)),
    mistakes: [...new Set([...wrong].map((name) => mistakes[name]))],
  };
}

export function filterOf({ all: _, before: __, since, until, ...query }: LogQuery, now: number): LogFilter {
  return {
    ...query,
    since: since === undefined ? undefined : readMoment(since, now),
    until: until === undefined ? undefined : readMoment(until, now),
  };
}

/** A failure may have repeated itself in the next cycle: who asks for one cycle is shown all of it. */
export function isFolded({ all, cycle }: LogQuery): boolean {
  return all === undefined && cycle === undefined;
}

/** A link with this query, changed; a field that is undefined is left out. */
export function logLink(query: LogQuery, changes: LogQuery = {}, path = '/log'): string {
  const merged: LogQuery = { ...query, ...changes };
  const entries = logFields.flatMap((name): [string, string][] =>
    merged[name] === undefined ? [] : [[name, String(merged[name])]],
  );
  return entries.length === 0 ? path : `${path}?${new URLSearchParams(entries)}`;
}
