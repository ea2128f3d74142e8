/** Reads and checks config/scoping-filters.yaml. */
import { isNode } from 'yaml';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { findSourceAttribute, type SourceAttribute } from '../../mapping/source-schema.ts';
import { readYaml, type YamlContent } from '../../read-yaml.ts';
import { clauseSchema, filterFileSchema } from './filter-file.ts';
import type { FilterClause, ScopingFilter, ScopingFilters } from './model.ts';
import { isObjectId, operandProblem } from './operands.ts';
import { filterOperators, type OperatorName, operatorNames } from './operators.ts';
import { patternWarning } from './pattern-warning.ts';

type ClauseText = z.infer<typeof clauseSchema>;
type Path = readonly PropertyKey[];
type Report = (path: Path, message: string) => void;

interface Finding {
  readonly line: number;
  readonly text: string;
}

interface Findings {
  readonly problem: Report;
  readonly warning: Report;
}

/**
 * Reads and checks scoping filters.
 * @param name what the file is called in messages, its path as a rule
 * @throws SyncError Misconfigured, naming every problem with its line and what to do
 */
export function parseScopingFilters(yamlText: string, name: string): ScopingFilters {
  const source = readYaml(yamlText);
  if ('problems' in source) throw misconfigured(name, source.problems);
  const { content } = source;
  const outlined = outline.safeParse(content).data?.filters ?? [];
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const report =
    (findings: Finding[]): Report =>
    (path, message) =>
      findings.push({ line: lineOf(source, path), text: `${placeOf(outlined, path)}${message}` });
  const findings: Findings = { problem: report(problems), warning: report(warnings) };
  const parsed = filterFileSchema.safeParse(content);
  if (parsed.error !== undefined) for (const { path, message } of parsed.error.issues) findings.problem(path, message);
  const filters = readFilters(outlined, findings);
  if (problems.length > 0 || parsed.data === undefined) throw misconfigured(name, textsOf(problems));
  return { filters, skipOutOfScopeDeletions: parsed.data.skipOutOfScopeDeletions, warnings: textsOf(warnings) };
}

/** From the top of the file to its end. */
function textsOf(findings: readonly Finding[]): string[] {
  return findings.toSorted((one, other) => one.line - other.line).map(({ line, text }) => `line ${line}${text}`);
}

const outline = z.object({
  filters: z.array(
    z
      .object({ title: z.string().catch(''), clauses: z.array(z.unknown()).catch([]) })
      .catch({ title: '', clauses: [] }),
  ),
});

type Outline = z.infer<typeof outline>['filters'];

/** Goes through the clauses one by one: what is wrong with one must not hide what is wrong with another. */
function readFilters(outlined: Outline, findings: Findings): ScopingFilter[] {
  const titles = new Set<string>();
  return outlined.map(({ title, clauses }, index) => {
    const path = ['filters', index];
    if (title !== '' && titles.has(title))
      findings.problem([...path, 'title'], 'another filter has this title; give each its own');
    titles.add(title);
    const labels = new Set<string>();
    const read = clauses.flatMap((clause, position): FilterClause[] => {
      const parsed = clauseSchema.safeParse(clause);
      if (!parsed.success) return [];
      const at = [...path, 'clauses', position];
      const made = readClause(title, parsed.data, at, findings);
      if (made === undefined) return [];
      if (labels.has(made.label)) findings.problem(at, 'the clause stands twice in this filter; remove one of them');
      labels.add(made.label);
      return [made];
    });
    return { title, clauses: read };
  });
}

function readClause(title: string, text: ClauseText, path: Path, findings: Findings): FilterClause | undefined {
  const { operator: name } = text;
  const operator = filterOperators[name];
  const attribute = text.attribute === undefined ? undefined : findSourceAttribute(text.attribute);
  const values = valuesOf(text.value, attribute);
  const problems = [
    attributeProblem(name, text.attribute, attribute),
    valueProblem(text, values),
    referenceProblem(attribute, values),
    comparisonProblem(text, attribute),
  ].filter((problem) => problem !== undefined);
  for (const problem of problems) findings.problem(path, problem);
  if (problems.length > 0) return undefined;
  const comparison = text.multivalued ?? 'all';
  if (operator.takes === 'pattern') warnOfPattern(values, path, findings);
  if (name === '&' || name === '!&') {
    const question = `${name} asks whether the attribute's value is a part of the text; to ask the reverse`;
    findings.warning(path, `${question}, use ${name === '&' ? 'Includes' : 'NOT REGEX MATCH'}`);
  }
  if (attribute?.multiValued === true && text.multivalued === undefined && operator.takes !== 'nothing') {
    findings.warning(
      path,
      `all values of ${attribute.name} must satisfy this; if one is enough, add "multivalued: any"`,
    );
  }
  const isList = Array.isArray(text.value);
  const parts = [
    title,
    text.attribute,
    name,
    values.map((value) => (isList ? inList(value) : value)).join(', '),
    comparison === 'any' ? '(any)' : undefined,
  ];
  const label = parts.filter((part) => part !== undefined && part !== '').join(' ');
  return { attribute, operator: name, values, comparison, label, condition: operator.compile(values) };
}

/** Lists that differ are to be told apart by their labels. */
function inList(value: string): string {
  return /[,"]/.test(value) ? JSON.stringify(value) : value;
}

function valuesOf(value: ClauseText['value'], attribute: SourceAttribute | undefined): string[] {
  const values = value === undefined ? [] : Array.isArray(value) ? value : [String(value)];
  // Graph writes object ids in lower case.
  return attribute?.type === 'Reference' ? values.map((id) => id.toLowerCase()) : values;
}

function attributeProblem(
  name: OperatorName,
  written: string | undefined,
  attribute: SourceAttribute | undefined,
): string | undefined {
  const { types } = filterOperators[name];
  if (types.length === 0)
    return written === undefined ? undefined : `${name} looks at no attribute; remove "attribute"`;
  if (written === undefined) return `${name} needs an attribute; write "attribute: ..." above it`;
  const type = attribute?.type;
  if (type === undefined || types.includes(type)) return undefined;
  const fitting = operatorNames.filter((other) => filterOperators[other].types.includes(type));
  return `${name} does not fit ${written}, which is a ${type}; use ${fitting.length > 6 ? `${fitting.slice(0, 3).join(', ')} or another for text` : fitting.join(' or ')}`;
}

function valueProblem(text: ClauseText, values: readonly string[]): string | undefined {
  const { takes } = filterOperators[text.operator];
  // YAML reads 007 as 7: only a comparison of numbers may have one.
  if (typeof text.value === 'number' && takes !== 'integer' && takes !== 'nothing') {
    return `${text.operator} compares text; put the value in quotes`;
  }
  const problem = operandProblem(takes, values, Array.isArray(text.value));
  return problem === undefined ? undefined : `${text.operator} ${problem}`;
}

function referenceProblem(attribute: SourceAttribute | undefined, values: readonly string[]): string | undefined {
  if (attribute?.type !== 'Reference') return undefined;
  const wrong = values.find((value) => !isObjectId(value));
  return wrong === undefined ? undefined : `${attribute.name} is compared by object id, and "${wrong}" is none`;
}

function comparisonProblem(text: ClauseText, attribute: SourceAttribute | undefined): string | undefined {
  if (text.multivalued === undefined) return undefined;
  if (filterOperators[text.operator].takes === 'nothing' || attribute === undefined) {
    return `${text.operator} is not asked of single values; remove "multivalued"`;
  }
  return attribute.multiValued === false ? `${text.attribute} has a single value; remove "multivalued"` : undefined;
}

function warnOfPattern(patterns: readonly string[], path: Path, findings: Findings): void {
  for (const pattern of patterns) {
    const warning = patternWarning(pattern);
    if (warning !== undefined) findings.warning(path, warning);
  }
}

/** Which clause of which filter. */
function placeOf(outlined: Outline, path: Path): string {
  const [top, filter, part, clause] = path;
  if (top !== 'filters' || typeof filter !== 'number') return ': ';
  const title = outlined[filter]?.title ?? '';
  const named = title === '' ? `filter ${filter + 1}` : `"${title}"`;
  return part === 'clauses' && typeof clause === 'number' ? `, ${named} clause ${clause + 1}: ` : `, ${named}: `;
}

/** The line of the node at a path, or of the nearest one around it. */
function lineOf({ document, lines }: YamlContent, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function misconfigured(name: string, problems: readonly string[]): SyncError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new SyncError('Misconfigured', `The scoping filters ${name} have ${count}:\n  ${problems.join('\n  ')}`);
}
