/**
 * What another attribute table or other scoping filters would do to everyone in the mirror, as it was read last. Reads
 * neither Entra nor Maptician, and writes nothing.
 */
import type pg from 'pg';
import type { AttributeTable } from '../mapping/attribute-table.ts';
import { userNameOf } from '../mapping/map-user.ts';
import type { AttributePath, AttributeValue } from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import { type Decision, decide, type PlanRules, type Subject } from '../plan/decide.ts';
import { isLimited, limitsPassed, noKinds, removalsOf } from '../plan/removal-guard.ts';
import { filterGroups } from '../scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import type { Queryable } from '../state/database.ts';
import { modifiedProperties } from '../state/provisioning-log.ts';
import { createTurns, type TakeTurns } from '../turns.ts';
import { evaluatingAhead, passesFilters } from './evaluate-ahead.ts';
import { isGraceOver } from './grace-period.ts';
import { type GuardRules, readGuardState } from './guard-state.ts';
import { type SubjectRow, toSubject } from './subject-row.ts';
import { withoutUnmirrored } from './unmirrored.ts';

/** The files to try, and those whose attributes the mirror is known to have. */
export interface PreviewInput {
  readonly rules: PlanRules;
  readonly filters: ScopingFilters;
  readonly guard: GuardRules;
  /** The properties that cycles read; empty where they may have read others. */
  readonly mirrored: readonly string[];
}

interface Sample {
  readonly user: string | null;
  readonly before: AttributeValue;
  readonly after: AttributeValue;
}

/** Somebody, and why. */
interface Crossing {
  readonly users: number;
  readonly samples: readonly (string | null)[];
}

export interface Preview {
  /** Users in the mirror that have been read. */
  readonly mirrored: number;
  /** Those of them who are assigned and pass the filters. */
  readonly inScope: number;
  /** Users by what would be done: create, update, deactivate and so on. */
  readonly actions: Readonly<Record<string, number>>;
  /** What would change in accounts that exist, the attribute with the most users first. */
  readonly attributes: readonly {
    readonly attribute: string;
    readonly users: number;
    readonly samples: readonly Sample[];
  }[];
  readonly leave: Crossing;
  readonly enter: Crossing;
  readonly failures: readonly ({ readonly reason: string } & Crossing)[];
  readonly removals: { readonly users: number; readonly activeAccounts: number; readonly held: boolean };
  /** What cannot be told from the mirror. */
  readonly unknown: readonly string[];
}

const chunkSize = 1000;
const sampleCount = 3;

interface Row extends SubjectRow {
  held: boolean;
  member_of: string[];
}

interface Gathered {
  users: number;
  readonly samples: (string | null)[];
}

/**
 * Goes through the mirror in one snapshot, whatever cycles write meanwhile. Others get their turn in between. Rejects with the reason
 * of the signal once that is aborted.
 */
export async function previewMirror(pool: pg.Pool, input: PreviewInput, signal?: AbortSignal): Promise<Preview> {
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read, read only');
    const known = await withoutUnmirrored(client, input);
    return await gather(client, { ...input, ...known }, known.unknown, createTurns(signal));
  } finally {
    await client.query('rollback').catch(() => undefined);
    client.release();
  }
}

async function gather(
  client: Queryable,
  input: Pick<PreviewInput, 'rules' | 'guard'> & { readonly filters: ScopingFilters | undefined },
  unknown: readonly string[],
  turns: TakeTurns,
): Promise<Preview> {
  const ahead = evaluatingAhead(input.rules.table, turns);
  const rules = { ...input.rules, table: ahead.table };
  const actions = new Map<string, number>();
  const attributes = new Map<string, { users: number; readonly samples: Sample[] }>();
  const failures = new Map<string, Gathered>();
  const [leave, enter]: [Gathered, Gathered] = [newGathered(), newGathered()];
  const names = new Map<string, number>();
  const counts = { planned: { ...noKinds }, held: { ...noKinds } };
  let [mirrored, inScope] = [0, 0];
  const now = new Date();
  for await (const row of mirroredRows(client, input)) {
    mirrored += 1;
    await turns();
    const subject = await subjectOf(row, input.filters, now, turns);
    await ahead.next(subject);
    const decision = decide(subject, rules);
    const kind = actionOf(decision, rules.table);
    if (subject.inScope && subject.presence === 'live') {
      if (!subject.filteredOut) inScope += 1;
      if (!row.filtered_out && subject.filteredOut) add(leave, row.user_name);
      if (row.filtered_out && !subject.filteredOut) add(enter, row.user_name);
      if (!subject.filteredOut && subject.source.accountEnabled !== false) {
        const name = userNameOf(rules.table, subject.source)?.toLowerCase();
        if (name !== undefined) names.set(name, (names.get(name) ?? 0) + 1);
      }
    }
    if (isLimited(kind)) counts[row.held ? 'held' : 'planned'][kind] += 1;
    if (kind !== 'nothing') actions.set(kind, (actions.get(kind) ?? 0) + 1);
    if (decision.kind === 'fail') add(gatheredOf(failures, `${decision.code}: ${decision.reason}`), row.user_name);
    if (decision.kind === 'update' || decision.kind === 'reactivate')
      gatherChanges(attributes, row.user_name, subject, decision);
  }
  for (const [name, count] of names) {
    if (count > 1)
      add(gatheredOf(failures, 'DuplicateSourceEntries: several users would have one userName'), name, count);
  }
  const state = await readGuardState(client, input.guard.everyone);
  // With the filters that are tried, and not with those that cycles went by.
  const emptied = inScope === 0 && input.filters !== undefined ? 'filters' : state.emptied;
  const passed = limitsPassed({ ...counts, ...state, emptied, passed: noKinds }, input.guard.limits);
  return {
    mirrored,
    inScope,
    actions: Object.fromEntries(actions),
    attributes: byUsers([...attributes].map(([attribute, found]) => ({ attribute, ...found }))),
    leave,
    enter,
    failures: byUsers([...failures].map(([reason, found]) => ({ reason, ...found }))),
    removals: {
      users: removalsOf(counts.planned) + removalsOf(counts.held),
      activeAccounts: state.linkedActive,
      held: removalsOf(counts.held) > 0 || passed.has('deactivate') || passed.has('delete'),
    },
    unknown,
  };
}

function actionOf(decision: Decision, table: AttributeTable): string {
  return decision.kind === 'create' && !table.actions.create ? 'skip' : decision.kind;
}

function gatherChanges(
  attributes: Map<string, { users: number; readonly samples: Sample[] }>,
  user: string | null,
  { link }: Subject,
  decision: Extract<Decision, { readonly attributes: unknown }>,
): void {
  const hidden = [...(link?.redacted ?? []), ...(decision.redacted ?? [])];
  const changes = modifiedProperties(link?.applied ?? {}, decision.attributes);
  const before = redact(link?.applied ?? {}, hidden);
  const after = redact(decision.attributes, hidden);
  for (const { displayName } of changes) {
    const path = displayName as AttributePath;
    const found = attributes.get(path) ?? { users: 0, samples: [] };
    attributes.set(path, found);
    found.users += 1;
    if (found.samples.length < sampleCount) {
      found.samples.push({ user, before: before[path] ?? null, after: after[path] ?? null });
    }
  }
}

function newGathered(): Gathered {
  return { users: 0, samples: [] };
}

function gatheredOf(all: Map<string, Gathered>, key: string): Gathered {
  const found = all.get(key) ?? newGathered();
  all.set(key, found);
  return found;
}

function add(gathered: Gathered, user: string | null, users = 1): void {
  gathered.users += users;
  if (gathered.samples.length < sampleCount) gathered.samples.push(user);
}

function byUsers<T extends { readonly users: number }>(found: readonly T[]): T[] {
  return found.toSorted((one, other) => other.users - one.users);
}

async function* mirroredRows(
  client: Queryable,
  { filters, rules }: { readonly filters: ScopingFilters | undefined; readonly rules: PlanRules },
): AsyncGenerator<Row> {
  const groups = filters === undefined ? [] : filterGroups(filters);
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await client.query<Row>(
      `select u.id, u.attributes, u.roles, u.user_name, u.presence, u.in_scope, u.filtered_out, u.rejected_removal, u.rejected_reason,
         l.maptician_id, l.active, l.applied, l.redacted, coalesce(o.state = 'held', false) as held,
         ${isGraceOver('$4')} as grace_over,
         array(select m.group_id from group_members m
           where m.user_id = u.id and m.group_id = any($3::uuid[]) and not m.gone)::text[] as member_of
       from users u left join links l on l.entra_id = u.id left join operations o on o.entra_id = u.id
       where u.id > $1 and u.attributes <> '{}' order by u.id limit $2`,
      [after, chunkSize, groups, rules.deleteInactiveAfterDays ?? null],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    yield* rows;
  }
}

async function subjectOf(row: Row, filters: ScopingFilters | undefined, now: Date, turns: TakeTurns): Promise<Subject> {
  if (filters === undefined) return toSubject(row);
  const facts = { memberOf: new Set(row.member_of), now };
  return toSubject({ ...row, filtered_out: !(await passesFilters(filters, row.attributes, facts, turns)) });
}
