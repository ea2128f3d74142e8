/**
 * What is dear about a decision, done ahead of it and step by step, so that others get their turn in between: one expression can take
 * some 300 ms (mapping/expression/limits.ts), and a decision evaluates all of them.
 */
import { SyncError } from '../errors.ts';
import type { AttributeTable } from '../mapping/attribute-table.ts';
import type { CompiledExpression } from '../mapping/expression/evaluate.ts';
import type { ExpressionValue } from '../mapping/expression/values.ts';
import { mapUser } from '../mapping/map-user.ts';
import { reasonInactive, type Subject } from '../plan/decide.ts';
import type { FilterFacts } from '../scope/filters/comparisons.ts';
import { evaluateFilters } from '../scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import type { TakeTurns } from '../turns.ts';

export interface AheadTable {
  /** For the decision about the user who came last: its expressions know their values. */
  readonly table: AttributeTable;
  /** Evaluates what is to be decided about the next user. */
  next(subject: Subject): Promise<void>;
}

export function evaluatingAhead(table: AttributeTable, turns: TakeTurns): AheadTable {
  const rows = table.mappings.map((mapping) => {
    const { source } = mapping;
    if (source.from !== 'expression') return { mapping };
    const { expression, forget } = remembering(source.expression);
    return { mapping: { ...mapping, source: { ...source, expression } }, forget };
  });
  return {
    table: { ...table, mappings: rows.map(({ mapping }) => mapping) },
    next: async (subject) => {
      const purpose = subject.link === null ? 'create' : 'update';
      const hasAccess = reasonInactive(subject) === undefined;
      for (const { mapping, forget } of rows) {
        if (forget === undefined) continue;
        forget();
        // Of whoever has none, no row is looked at.
        if (!hasAccess) continue;
        await turns();
        try {
          mapUser({ ...table, mappings: [mapping] }, subject.source, { isSoftDeleted: false }, purpose);
        } catch (thrown) {
          // It is thrown again where it counts.
          if (!(thrown instanceof SyncError)) throw thrown;
        }
      }
    },
  };
}

function remembering(expression: CompiledExpression) {
  let outcome: (() => ExpressionValue) | undefined;
  return {
    expression: {
      ...expression,
      evaluate: (source: Parameters<CompiledExpression['evaluate']>[0]) => {
        outcome ??= outcomeOf(() => expression.evaluate(source));
        return outcome();
      },
    },
    forget: () => {
      outcome = undefined;
    },
  };
}

function outcomeOf(evaluate: () => ExpressionValue): () => ExpressionValue {
  try {
    const value = evaluate();
    return () => value;
  } catch (thrown) {
    return () => {
      throw thrown;
    };
  }
}

/** Whether a user passes the filters, clause by clause. */
export async function passesFilters(
  filters: ScopingFilters,
  user: Readonly<Record<string, unknown>>,
  facts: FilterFacts,
  turns: TakeTurns,
): Promise<boolean> {
  const holds = async (filter: ScopingFilters['filters'][number]) => {
    for (const clause of filter.clauses) {
      await turns();
      const alone = { ...filters, filters: [{ ...filter, clauses: [clause] }] };
      if (!evaluateFilters(alone, user, facts).inScope) return false;
    }
    return true;
  };
  for (const filter of filters.filters) if (await holds(filter)) return true;
  return filters.filters.length === 0;
}
