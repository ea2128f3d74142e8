/** From an Entra user to the Maptician user it should be, and what differs between two of those. */
import { SyncError } from '../errors.ts';
import { type AttributeMapping, type MappingSource, rolesName } from './attribute-mapping.ts';
import type { AttributeTable } from './attribute-table.ts';
import { ExpressionError } from './expression/expression-error.ts';
import { type ExpressionValue, isIgnored, isList, isRedacted, isRoles, plainOf, textOf } from './expression/values.ts';
import { type AttributePath, type AttributeValue, attributePaths, type UserAttributes } from './maptician-user.ts';
import { readSourceAttribute } from './source-schema.ts';
import type { SourceUser } from './source-user.ts';

/** What the service knows of a user beyond its properties. */
export interface ComputedProperties {
  /** Unassigned, filtered out, soft-deleted or disabled. */
  readonly isSoftDeleted: boolean;
}

/**
 * How a wanted value reaches an account that is there already, where that differs from "written when it differs, and
 * null as FLOW_NULL_VALUES says":
 * - `create`: it is not written;
 * - `fill`: it is written where the account has no value;
 * - `clear`, `keep`, `empty`: the source is empty, and the value, if there is one, is the default of a new account. The
 *   attribute is cleared, keeps what it has, or either as FLOW_NULL_VALUES says.
 */
type FlowRule = (typeof flowRules)[number];
export const flowRules = ['create', 'fill', 'clear', 'keep', 'empty'] as const;
export type FlowRules = { readonly [path in AttributePath]?: FlowRule };

/** The whole wanted user. */
export interface MappedUser {
  /** Every target that takes part, null where there is no value: what a new account gets. */
  readonly attributes: UserAttributes;
  readonly rules: FlowRules;
  /** Whose values no log, plan or mail shows. */
  readonly redacted: readonly AttributePath[];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Maps a user. An empty text is no value. Defaults and what applies only at creation follow Microsoft's service
 * (https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes).
 * @param purpose `update` leaves out what applies only at creation
 * @throws SyncError MandatoryFieldsMissing, SchemaPropertyCanOnlyAcceptValue or FunctionEvaluationFailed; without values
 */
export function mapUser(
  table: AttributeTable,
  user: SourceUser,
  computed: ComputedProperties,
  purpose: 'create' | 'update',
): MappedUser {
  const attributes: Mutable<UserAttributes> = {};
  const rules: Mutable<FlowRules> = {};
  const redacted: AttributePath[] = [];
  for (const mapping of table.mappings) {
    const { target, apply } = mapping;
    if (apply === 'create' && purpose === 'update') continue;
    const { value, hidden } = readMapped(mapping, user, computed);
    if (value === undefined) continue;
    if (value === null && mapping.required) throw missingValue(target);
    attributes[target] = value ?? mapping.default ?? null;
    const rule = ruleOf(mapping, value);
    if (rule !== undefined) rules[target] = rule;
    if (hidden) redacted.push(target);
  }
  return { attributes, rules, redacted };
}

function ruleOf(
  { source, apply, nulls, default: fallback }: AttributeMapping,
  value: AttributeValue,
): FlowRule | undefined {
  if (source.from === 'none') return 'fill';
  if (apply === 'create') return 'create';
  if (value !== null) return undefined;
  return nulls ?? (fallback === undefined ? undefined : 'empty');
}

function missingValue(target: AttributePath): SyncError {
  return new SyncError('MandatoryFieldsMissing', `the user has no value for ${target}, which is required`);
}

/** The mapped userName, or null where the user has none or it cannot be worked out: who wants a name is found by it. */
export function userNameOf(table: AttributeTable, user: SourceUser): string | null {
  const mapping = table.mappings.find(({ target }) => target === 'userName');
  if (mapping === undefined) return null;
  try {
    const { value } = readMapped(mapping, user, { isSoftDeleted: false });
    return typeof value === 'string' ? value : null;
  } catch (thrown) {
    if (thrown instanceof SyncError) return null;
    throw thrown;
  }
}

/**
 * What `active` becomes, whatever the other rows do: access ends also where one of them fails. What cannot be evaluated
 * is false for a leaver, who must not stay in for it, and undefined for anybody else.
 */
export function activeOf(
  table: AttributeTable,
  user: SourceUser,
  computed: ComputedProperties,
): AttributeValue | undefined {
  const mapping = table.mappings.find(({ target }) => target === 'active');
  if (mapping === undefined) return undefined;
  try {
    return readMapped(mapping, user, computed).value;
  } catch (thrown) {
    if (thrown instanceof SyncError) return computed.isSoftDeleted ? false : undefined;
    throw thrown;
  }
}

/**
 * The wanted attributes that differ from those last applied, with what is to be written; an attribute that was never
 * applied counts as null. Case counts. With `flowNulls` false a null never flows unless its row says so: a cleared
 * attribute keeps its old value in Maptician, which is what Microsoft's service does.
 */
export function changedAttributes(
  wanted: UserAttributes,
  applied: UserAttributes,
  options: { readonly flowNulls: boolean; readonly rules?: FlowRules },
): UserAttributes {
  const changes: Mutable<UserAttributes> = {};
  for (const path of attributePaths) {
    const value = wanted[path];
    const before = applied[path] ?? null;
    if (value === undefined || value === before) continue;
    const rule = options.rules?.[path];
    if (rule === 'create' || (rule === 'fill' && before !== null)) continue;
    // A default is for new accounts alone; behind these rules stands an empty source.
    const written = rule === undefined || rule === 'fill' ? value : null;
    if (written === before) continue;
    const clears = rule === 'clear' || (rule !== 'keep' && options.flowNulls);
    if (written === null && !clears) continue;
    changes[path] = written;
  }
  return changes;
}

interface ReadValue {
  /** Undefined where the attribute takes no part for this user. */
  readonly value: AttributeValue | undefined;
  readonly hidden: boolean;
}

function readMapped(mapping: AttributeMapping, user: SourceUser, computed: ComputedProperties): ReadValue {
  const { target } = mapping;
  const found = readSource(mapping.source, target, user, computed);
  if (isIgnored(found)) return { value: undefined, hidden: false };
  return { value: fitted(target, found), hidden: isRedacted(found) };
}

function readSource(
  source: MappingSource,
  target: AttributePath,
  user: SourceUser,
  computed: ComputedProperties,
): ExpressionValue {
  switch (source.from) {
    case 'constant':
      return source.value;
    case 'none':
      return null;
    case 'attribute': {
      const content = readSourceAttribute(source.attribute, user, computed);
      const value = source.index === undefined ? content : [content].flat()[source.index];
      return typeof value === 'boolean' ? value !== source.invert : (value ?? null);
    }
    case 'expression':
      try {
        return source.expression.evaluate({
          ...Object.fromEntries(
            source.reads.map(({ name, attribute }) => [name, readSourceAttribute(attribute, user, computed)]),
          ),
          [rolesName]: user.appRoleAssignments,
        });
      } catch (thrown) {
        if (!(thrown instanceof ExpressionError)) throw thrown;
        const { line, column } = thrown.position;
        const place = `line ${line}, column ${column}`;
        throw new SyncError(
          'FunctionEvaluationFailed',
          `the expression for ${target} has no value for this user: ${thrown.message} (${place})`,
        );
      }
  }
}

/** A value as its target holds it: one text, or for `active` true or false. */
function fitted(target: AttributePath, found: ExpressionValue): AttributeValue {
  const value = plainOf(found);
  if (isList(value) || isRoles(value)) {
    const what = isList(value) ? `${value.length} values; take one with [0] or Item, or join them` : 'roles';
    throw new SyncError('SchemaPropertyCanOnlyAcceptValue', `${target} takes one value, and its source has ${what}`);
  }
  if (target !== 'active') return typeof value === 'string' ? value || null : textOf(value);
  if (typeof value === 'boolean') return value;
  const text = textOf(value)?.trim().toLowerCase();
  if (text === 'true' || text === 'false') return text === 'true';
  throw new SyncError('SchemaPropertyCanOnlyAcceptValue', 'active takes True or False, and its source has neither');
}
