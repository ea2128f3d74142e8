/** Operators of scoping filters by the spellings that Entra's pages and Graph's answers have. */
import { type OperatorName, operatorNames } from '../../scope/filters/operators.ts';

const byMeaning: ReadonlyMap<string, OperatorName> = new Map(operatorNames.map((name) => [squeezed(name), name]));

/** GREATER_THAN, Greater Than and Greater_Than are one operator. */
export function operatorOf(name: string): OperatorName | undefined {
  return byMeaning.get(squeezed(name));
}

function squeezed(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[\s_]+/g, ' ')
    .trim();
}
