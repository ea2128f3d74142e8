/** `$filter` on the provisioning log, as conditions on its rows. What cannot be asked is refused by its name. */
import { z } from 'zod';
import { type InstallationFacts, jobIdOf } from '../../log-record/summary.ts';
import type { Queryable } from '../../state/database.ts';
import { findLogUsers, type LogConditions } from '../../state/log-filter.ts';
import { logActions, logStatuses } from '../../state/provisioning-log.ts';
import { type Comparison, type Filter, FilterProblem, type Literal, parseFilter } from './odata-filter.ts';

interface Compiling {
  readonly db: Queryable;
  readonly facts: InstallationFacts;
  /** Adds a value, and gives its parameter. */
  readonly parameter: (value: unknown) => string;
}

interface Property {
  readonly operators: readonly Comparison['operator'][];
  /** Whether an index leads to the rows, in the order of their ids. */
  readonly indexed?: true;
  /** Whether each comparison takes Postgres a good part of a second: a hash of each row, or a look for somebody unknown. */
  readonly dear?: true;
  readonly compile: (comparison: Comparison, compiling: Compiling) => string | Promise<string>;
}

/**
 * Compiles a filter; the names are those of provisioningObjectSummary, and of the beta's older ones.
 * @param below only entries with a smaller id
 * @throws FilterProblem
 */
export async function compileLogFilter(
  db: Queryable,
  text: string | undefined,
  { facts, below }: { readonly facts: InstallationFacts; readonly below: number | undefined },
): Promise<LogConditions> {
  const values: unknown[] = [];
  const compiling = { db, facts, parameter: (value: unknown) => `$${values.push(value)}` };
  const parts = text === undefined ? [] : partsOf(gathered(parseFilter(text)));
  refuseDear(parts);
  const conditions = below === undefined ? [] : [`p.id < ${below}`];
  for (const part of parts.filter(isIndexed)) conditions.push(await compile(part, compiling));
  const indexed = { conditions: [...conditions], values: [...values] };
  for (const part of parts.filter((one) => !isIndexed(one))) conditions.push(await compile(part, compiling));
  return { conditions, values, indexed };
}

/** What all has to hold. */
function partsOf(filter: Filter): readonly Filter[] {
  return filter.kind === 'and' ? filter.parts.flatMap(partsOf) : [filter];
}

/** The ids that are asked for one by one, as one list for all: a row is hashed once for it. */
function gathered(filter: Filter): Filter {
  if (filter.kind === 'comparison') return filter;
  if (filter.kind === 'not') return { kind: 'not', part: gathered(filter.part) };
  const parts = filter.parts.map(gathered);
  if (filter.kind === 'and') return { kind: 'and', parts };
  const lists = new Map<string, Literal[]>();
  const others: Filter[] = [];
  for (const part of parts) {
    if (part.kind === 'comparison' && isList(part)) {
      lists.set(part.property, [...(lists.get(part.property) ?? []), ...part.values]);
    } else others.push(part);
  }
  const listed = [...lists].map(
    ([property, values]): Filter => ({ kind: 'comparison', property, operator: 'in', values }),
  );
  const [only, ...more] = [...listed, ...others];
  return only === undefined || more.length > 0 ? { kind: 'or', parts: [...listed, ...others] } : only;
}

function isList({ property, operator }: Comparison): boolean {
  return (property === 'id' || property === 'changeId') && (operator === 'eq' || operator === 'in');
}

const dearAtMost = 10;

function refuseDear(parts: readonly Filter[]): void {
  if (parts.reduce((sum, part) => sum + countDear(part), 0) <= dearAtMost) return;
  const names = [...properties].flatMap(([name, { dear }]) => (dear ? [name] : []));
  throw new FilterProblem(
    `at most ${dearAtMost} comparisons may be with ${names.join(', ')}, since each entry is looked at for each; ask for several values with "in" where it can be, or name users by sourceIdentity/id`,
  );
}

function countDear(filter: Filter): number {
  if (filter.kind === 'comparison') return properties.get(filter.property)?.dear ? 1 : 0;
  if (filter.kind === 'not') return countDear(filter.part);
  return filter.parts.reduce((sum, part) => sum + countDear(part), 0);
}

async function compile(filter: Filter, compiling: Compiling): Promise<string> {
  if (filter.kind === 'comparison') {
    const property = propertyOf(filter.property);
    if (property.operators.includes(filter.operator)) return property.compile(filter, compiling);
    throw new FilterProblem(`${filter.property} can be compared with ${property.operators.join(', ')} only`);
  }
  if (filter.kind === 'not') return `not coalesce(${await compile(filter.part, compiling)}, false)`;
  const parts: string[] = [];
  for (const part of filter.parts) parts.push(await compile(part, compiling));
  return `(${parts.join(` ${filter.kind} `)})`;
}

function isIndexed(filter: Filter): boolean {
  if (filter.kind === 'or') return filter.parts.every(isIndexed);
  return filter.kind === 'comparison' && propertyOf(filter.property).indexed === true;
}

function propertyOf(name: string): Property {
  const property = properties.get(name);
  if (property !== undefined) return property;
  throw new FilterProblem(`${name} cannot be filtered by. These can: ${[...properties.keys()].join(', ')}`);
}

const sameOnly = ['eq', 'in'] as const;
const equality = ['eq', 'ne', 'in'] as const;

const oneOf = (column: string, words: readonly string[]): Property => ({
  operators: equality,
  // The words stand in the text: the index of all that is no success serves only who names the status.
  compile: ({ property, operator, values }) => {
    const found = values.map(({ text }) => {
      const word = words.find((known) => known === text.toLowerCase());
      if (word === undefined) throw new FilterProblem(`${property} is one of ${words.join(', ')}`);
      return `'${word}'`;
    });
    return `${column} ${operator === 'ne' ? 'not in' : 'in'} (${found.join(', ')})`;
  },
});

const status = oneOf('p.status', logStatuses);
const action = oneOf('p.action', logActions);

const properties: ReadonlyMap<string, Property> = new Map<string, Property>([
  ['activityDateTime', { operators: ['eq', 'gt', 'ge', 'lt', 'le'], indexed: true, compile: compileMoment }],
  ['provisioningAction', action],
  ['action', action],
  ['provisioningStatusInfo/status', status],
  ['statusInfo/status', status],
  [
    'provisioningStatusInfo/errorInformation/errorCode',
    {
      operators: sameOnly,
      compile: ({ values }, { parameter }) =>
        `p.status <> 'success' and p.code = any(${parameter(values.map(({ text }) => text))})`,
    },
  ],
  ['cycleId', { operators: sameOnly, indexed: true, compile: ({ values }) => `p.cycle_id in (${numbers(values)})` }],
  ['id', { operators: sameOnly, dear: true, compile: compileGuid('entry') }],
  ['changeId', { operators: sameOnly, dear: true, compile: compileGuid('change') }],
  ['sourceIdentity/id', { operators: sameOnly, indexed: true, compile: compileObjectIds }],
  ['sourceIdentity/displayName', { operators: ['eq'], indexed: true, dear: true, compile: compileUser('p.user_name') }],
  ['targetIdentity/id', { operators: ['eq'], indexed: true, dear: true, compile: compileUser('p.maptician_id') }],
  ['initiatedBy/displayName', { operators: ['eq'], compile: compileInitiator }],
  ['jobId', { operators: ['eq'], compile: ({ values }, { facts }) => is(values, jobIdOf(facts)) }],
  ['tenantId', { operators: ['eq'], compile: ({ values }, { facts }) => is(values, facts.tenantId) }],
  [
    'servicePrincipal/id',
    { operators: ['eq'], compile: ({ values }, { facts }) => is(values, facts.servicePrincipalId) },
  ],
]);

/** What is the same in every entry. */
function is([value]: readonly Literal[], constant: string | undefined): string {
  return String(value?.text.toLowerCase() === constant?.toLowerCase());
}

function numbers(values: readonly Literal[]): string {
  return values
    .map(({ text }) => {
      const number = z.coerce.number().int().nonnegative().safeParse(text);
      if (!number.success) throw new FilterProblem('cycleId is a whole number');
      return number.data;
    })
    .join(', ');
}

/** An entry tells milliseconds, and has microseconds. */
function compileMoment({ operator, values }: Comparison, { parameter }: Compiling): string {
  const text = values[0]?.text ?? '';
  const time = /^\d{4}-\d\d-\d\d(T.*)?$/.test(text) ? new Date(text) : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw new FilterProblem('activityDateTime is a moment such as 2026-09-01T08:00:00Z, without quotes');
  }
  const from = () => `${parameter(time)}::timestamptz`;
  const after = () => `${parameter(new Date(time.getTime() + 1))}::timestamptz`;
  switch (operator) {
    case 'ge':
      return `p.activity_at >= ${from()}`;
    case 'gt':
      return `p.activity_at >= ${after()}`;
    case 'lt':
      return `p.activity_at < ${from()}`;
    case 'le':
      return `p.activity_at < ${after()}`;
    default:
      return `(p.activity_at >= ${from()} and p.activity_at < ${after()})`;
  }
}

function guidsOf({ property, values }: Comparison): string[] {
  return values.map(({ text }) => {
    const guid = z.guid().safeParse(text);
    if (!guid.success) throw new FilterProblem(`${property} is a GUID`);
    return guid.data.toLowerCase();
  });
}

function compileObjectIds(comparison: Comparison, { parameter }: Compiling): string {
  return `p.entra_id = any(${parameter(guidsOf(comparison))}::uuid[])`;
}

/** The digits that come from the hash of log-record/summary.ts; the other two tell the kind of GUID. */
function compileGuid(kind: 'entry' | 'change'): Property['compile'] {
  return (comparison, { facts, parameter }) => {
    const wanted = guidsOf(comparison).map((guid) => {
      const digits = guid.replaceAll('-', '');
      return `${digits.slice(0, 12)}${digits.slice(13, 16)}${digits.slice(17)}`;
    });
    const hash = `encode(sha256(convert_to(${parameter(`${facts.installation} ${kind} `)} || p.id, 'UTF8')), 'hex')`;
    return `(select substr(h, 1, 12) || substr(h, 14, 3) || substr(h, 18, 15) from (select ${hash} as h) as hashed) = any(${parameter(wanted)})`;
  };
}

/** By whoever has this name or account now, and where nobody has, by whoever had it. */
function compileUser(column: string): Property['compile'] {
  return async ({ values }, { db, parameter }) => {
    const text = values[0]?.text ?? '';
    const users = parameter(await findLogUsers(db, text));
    return `(p.entra_id = any(${users}::uuid[]) and ${column} = ${parameter(text)})`;
  };
}

/** `maptician-sync` for what ran by itself, and `maptician-sync sync` and the like for what somebody asked for. */
function compileInitiator({ property, values }: Comparison, { parameter }: Compiling): string {
  const name = /^maptician-sync(?: (?<trigger>[\w-]+))?$/.exec(values[0]?.text ?? '');
  if (name === null) throw new FilterProblem(`${property} is maptician-sync, or maptician-sync with a command`);
  const trigger = name.groups?.trigger;
  if (trigger === undefined) {
    return "not exists (select from cycles by where by.id = p.cycle_id and by.trigger <> 'schedule')";
  }
  return `p.cycle_id in (select id from cycles where trigger = ${parameter(trigger)} and trigger <> 'schedule')`;
}
