/** Scoping filters as they are in memory: checked and compiled. */
import type { SourceAttribute } from '../../mapping/source-schema.ts';
import type { Condition, MultivaluedComparison } from './comparisons.ts';
import type { OperatorName } from './operators.ts';

/** One condition on one attribute. */
export interface FilterClause {
  /** Undefined where the operator looks at no attribute. */
  readonly attribute: SourceAttribute | undefined;
  readonly operator: OperatorName;
  readonly values: readonly string[];
  readonly comparison: MultivaluedComparison;
  /** `{title} {attribute} {operator} {value}`, as Microsoft's provisioning log names it. */
  readonly label: string;
  readonly condition: Condition;
}

/** Clauses of which every one must hold; never empty. */
export interface ScopingFilter {
  readonly title: string;
  readonly clauses: readonly FilterClause[];
}

/** Filters of which one must hold. Without any, everyone who is assigned is in scope. */
export interface ScopingFilters {
  readonly filters: readonly ScopingFilter[];
  /** Whoever falls out of scope keeps the account as it is. */
  readonly skipOutOfScopeDeletions: boolean;
  /** What is allowed and probably not meant, each with its place. */
  readonly warnings: readonly string[];
}
