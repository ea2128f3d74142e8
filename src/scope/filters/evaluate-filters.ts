/** Who passes the scoping filters, and what follows from them for reading Entra. */
import { createHash } from 'node:crypto';
import { type AttributeContent, readSourceAttribute, type SourceAttribute } from '../../mapping/source-schema.ts';
import type { FilterFacts, Scalar } from './comparisons.ts';
import type { FilterClause, ScopingFilters } from './model.ts';
import { filterOperators } from './operators.ts';

/** What the filters say of one user. */
export interface ScopeEvaluation {
  readonly inScope: boolean;
  /** Every clause by its label, as Microsoft's ScopeEvaluationResult has it; empty without filters. */
  readonly results: Readonly<Record<string, boolean>>;
}

/**
 * Evaluates every clause of every filter, those that no longer matter included: people are shown them. Never throws.
 * @param user the mirrored user, by Graph's own keys
 */
export function evaluateFilters(
  filters: ScopingFilters,
  user: Readonly<Record<string, unknown>>,
  facts: FilterFacts,
): ScopeEvaluation {
  const results: Record<string, boolean> = {};
  let inScope = filters.filters.length === 0;
  for (const { clauses } of filters.filters) {
    let all = true;
    for (const clause of clauses) {
      const holds = clause.condition(valuesOf(clause, user), facts, clause.comparison);
      results[clause.label] = holds;
      all &&= holds;
    }
    inScope ||= all;
  }
  return { inScope, results };
}

function valuesOf({ attribute }: FilterClause, user: Readonly<Record<string, unknown>>): readonly Scalar[] {
  if (attribute === undefined) return [];
  // No clause can ask for IsSoftDeleted, the one attribute that is computed.
  const content: AttributeContent = readSourceAttribute(attribute, user, { isSoftDeleted: false });
  if (content === null || content === '') return [];
  return typeof content === 'object' ? content.filter((item) => item !== '') : [content];
}

function clausesOf({ filters }: ScopingFilters): readonly FilterClause[] {
  return filters.flatMap(({ clauses }) => clauses);
}

/** The attributes that are read, each once. */
export function sourceAttributes(filters: ScopingFilters): SourceAttribute[] {
  const found = clausesOf(filters).flatMap(({ attribute }) => attribute ?? []);
  return [...new Map(found.map((attribute) => [attribute.name, attribute])).values()];
}

/** The object ids, in lower case, of the groups whose members must be known. */
export function filterGroups(filters: ScopingFilters): string[] {
  const grouping = clausesOf(filters).filter(({ operator }) => filterOperators[operator].takes === 'groups');
  return [...new Set(grouping.flatMap(({ values }) => values.map((id) => id.toLowerCase())))].sort();
}

/** Whether somebody can cross the line because time passes and nothing else: then all are evaluated in every cycle. */
export function dependsOnTime(filters: ScopingFilters): boolean {
  return clausesOf(filters).some(
    ({ operator, values }) =>
      filterOperators[operator].takes === 'moment' && values.some((value) => value.startsWith('now')),
  );
}

/** A hash that changes exactly when the meaning does; titles, comments and the order of filters and clauses do not count. */
export function fingerprint({ filters, skipOutOfScopeDeletions }: ScopingFilters): string {
  const meant = filters.map(({ clauses }) => {
    const parts = clauses.map(({ attribute, operator, values, comparison }) =>
      JSON.stringify([attribute?.name ?? null, operator, [...new Set(values)].sort(), comparison]),
    );
    return JSON.stringify([...new Set(parts)].sort());
  });
  const text = JSON.stringify([skipOutOfScopeDeletions, [...new Set(meant)].sort()]);
  return createHash('sha256').update(text).digest('hex');
}
