/** Scoping filters as Microsoft's filter groups. */
import type { FilterClause, ScopingFilters } from '../../scope/filters/model.ts';
import { filterOperators } from '../../scope/filters/operators.ts';
import { serviceNameOf } from './source-names.ts';

interface ExportedClause {
  readonly operatorName: string;
  readonly sourceOperandName: string | null;
  readonly targetOperand: { readonly values: readonly string[] };
  readonly multivaluedComparisonType?: 'Any';
}

export interface ExportedGroup {
  readonly name: string;
  readonly clauses: readonly ExportedClause[];
}

/** What Microsoft's filters cannot ask (its page on scoping filters, and its known issues). */
const notFiltered: readonly string[] = ['userType', 'manager', 'manager.userPrincipalName'];

/** The groups in their order; `notes` gets what Microsoft's service has no equal of. */
export function exportFilters({ filters, skipOutOfScopeDeletions }: ScopingFilters, notes: string[]): ExportedGroup[] {
  if (skipOutOfScopeDeletions) {
    notes.push(
      'skipOutOfScopeDeletions is no part of the schema; set SkipOutOfScopeDeletions in the secrets of the job.',
    );
  }
  return filters.map(({ title, clauses }) => ({
    name: title,
    clauses: clauses.map((clause) => {
      notes.push(...remarks(clause).map((remark) => `Filter "${title}": ${remark}`));
      return exportClause(clause);
    }),
  }));
}

function exportClause({ attribute, operator, values, comparison }: FilterClause): ExportedClause {
  return {
    operatorName: operator,
    sourceOperandName: attribute === undefined ? null : serviceNameOf(attribute.name),
    targetOperand: { values },
    ...(comparison === 'any' ? { multivaluedComparisonType: 'Any' as const } : {}),
  };
}

function remarks({ attribute, operator, comparison }: FilterClause): string[] {
  const found: string[] = [];
  if (!filterOperators[operator].microsoft) found.push(`Microsoft has no operator ${operator}.`);
  if (attribute === undefined) return found;
  if (attribute.multiValued === true)
    found.push(`Microsoft's filters cannot read ${attribute.name}: it has several values.`);
  else if (attribute.type === 'DateTime' || notFiltered.includes(attribute.name)) {
    found.push(`Microsoft's filters cannot read ${attribute.name}.`);
  }
  if (comparison === 'any') found.push('Microsoft cannot ask for any of several values.');
  return found;
}
