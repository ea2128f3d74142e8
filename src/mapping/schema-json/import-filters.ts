/** Microsoft's scoping filter groups as the filters of config/scoping-filters.yaml. */
import { stringify } from 'yaml';
import { SyncError } from '../../errors.ts';
import { parseScopingFilters } from '../../scope/filters/parse-filters.ts';
import { findSourceAttribute, unknownAttribute } from '../source-schema.ts';
import { operatorOf } from './operator-names.ts';
import { graphNameOf } from './source-names.ts';
import type { FilterClauseJson, FilterGroupJson, ObjectMappingJson } from './synchronization-schema.ts';

/** A clause as it is written in the file. */
interface ClauseText {
  readonly attribute?: string;
  readonly operator: string;
  readonly value?: string | readonly string[];
  readonly multivalued?: 'any';
}

interface FilterText {
  readonly title: string;
  readonly clauses: readonly ClauseText[];
}

/** A filter that cannot be carried over, as Entra has it, and why. */
interface RefusedFilter {
  readonly filter: FilterText;
  readonly reasons: readonly string[];
}

export interface ImportedFilters {
  readonly filters: readonly FilterText[];
  readonly refused: readonly RefusedFilter[];
  readonly notes: readonly string[];
}

/** Nobody passes it: without any filter left, everyone would. */
const nobody: FilterText = {
  title: 'Nobody, until the filters above are decided on',
  clauses: [{ attribute: 'id', operator: 'IS NULL' }],
};

/** The filters of a mapping; one of which a clause has no equal is left out as a whole, since without it more people would pass. */
export function importFilters(scope: ObjectMappingJson['scope']): ImportedFilters {
  const notes: string[] = [];
  const filters: FilterText[] = [];
  const refused: RefusedFilter[] = [];
  const titles = new Set<string>();
  for (const [index, group] of (scope?.groups ?? []).entries()) {
    const title = uniqueTitle(group.name?.trim() || `Filter ${index + 1}`, titles);
    if (group.clauses.length === 0) {
      notes.push(`Filter "${title}": left out, it has no clauses.`);
      continue;
    }
    const { filter, reasons } = importGroup(title, group, notes);
    if (reasons.length === 0) {
      filters.push(filter);
      continue;
    }
    refused.push({ filter, reasons });
    notes.push(`Filter "${title}": left out, ${reasons.join('; ')}. Whom it lets in is out of scope here.`);
  }
  const others = otherGroups(scope);
  if (refused.length + others.length > 0 && filters.length === 0) {
    filters.push(nobody);
    notes.push(
      'No filter could be carried over, and without any, everyone would be in scope: one that lets nobody in holds the place.',
    );
  }
  return { filters, refused, notes: [...notes, ...others] };
}

function uniqueTitle(wanted: string, titles: Set<string>): string {
  let title = wanted;
  for (let number = 2; titles.has(title); number += 1) title = `${wanted} (${number})`;
  titles.add(title);
  return title;
}

function otherGroups(scope: ObjectMappingJson['scope']): string[] {
  const kinds = [
    ['input filter', scope?.inputFilterGroups.length ?? 0],
    ['category filter', scope?.categoryFilterGroups.length ?? 0],
  ] as const;
  return kinds.flatMap(([kind, count]) =>
    count === 0
      ? []
      : [
          `${count} ${kind} group${count === 1 ? ' is' : 's are'} left out, there is no equal; whom they keep out is in scope here.`,
        ],
  );
}

function importGroup(title: string, group: FilterGroupJson, notes: string[]) {
  const reasons: string[] = [];
  const clauses: ClauseText[] = [];
  const written = new Set<string>();
  for (const clause of group.clauses) {
    const problem = nameProblem(clause);
    const { text, note } = importClause(clause);
    const key = JSON.stringify(text);
    if (written.has(key)) continue;
    written.add(key);
    clauses.push(text);
    reasons.push(...(problem === undefined ? problemsOf(text) : [problem]));
    if (note !== undefined) notes.push(`Filter "${title}": ${note}`);
  }
  return { filter: { title, clauses }, reasons };
}

function nameProblem({ sourceOperandName, operatorName }: FilterClauseJson): string | undefined {
  if (operatorOf(operatorName) === undefined) return `the operator ${operatorName} has no equal`;
  const isKnown = !sourceOperandName || findSourceAttribute(sourceOperandName) !== undefined;
  return isKnown ? undefined : unknownAttribute(sourceOperandName);
}

function importClause(clause: FilterClauseJson): { readonly text: ClauseText; readonly note?: string } {
  const { sourceOperandName, operatorName, targetOperand, multivaluedComparisonType } = clause;
  const values = targetOperand?.values ?? [];
  const named = operatorOf(operatorName) ?? operatorName;
  const oneOf = values.length > 1 ? { EQUALS: 'IN', 'NOT EQUALS': 'NOT IN' }[named] : undefined;
  const operator = oneOf ?? named;
  const takesList = /^(?:NOT )?(?:IN|MEMBER OF)\b/.test(operator) || values.length > 1;
  const value = takesList ? values : values[0];
  const text: ClauseText = {
    ...(sourceOperandName ? { attribute: graphNameOf(sourceOperandName) } : {}),
    operator,
    // Entra writes a value beside operators that take none, too.
    ...(value === undefined || operator.startsWith('IS ') ? {} : { value }),
    ...(multivaluedComparisonType === 'Any' ? { multivalued: 'any' } : {}),
  };
  if (oneOf === undefined) return { text };
  return {
    text,
    note: `${sourceOperandName} ${operatorName} has ${values.length} values; it is written with ${oneOf}.`,
  };
}

/** What the filter file itself says of a clause. */
function problemsOf(clause: ClauseText): string[] {
  try {
    parseScopingFilters(stringify({ filters: [{ title: 'one', clauses: [clause] }] }, { lineWidth: 0 }), 'filter');
    return [];
  } catch (thrown) {
    if (!(thrown instanceof SyncError)) throw thrown;
    const [, ...problems] = thrown.message.split('\n  ');
    return problems.map((problem) =>
      problem.replace(/^line \d+, "one" clause 1: /, `${clause.attribute ?? ''} `).trim(),
    );
  }
}
