/** PATCH of an account (RFC 7644 section 3.5.2), in the standard's dialect and in Microsoft's classic one. */
import SCIMMY from 'scimmy';
import type { AccountAttributes } from './accounts.ts';
import type { MapticianBehaviour } from './behaviour.ts';
import { scimError } from './scim-error.ts';
import { attributesOf, type UserResource } from './user-resource.ts';
import { MapticianUserSchema, userDefinition, userSchemaId } from './user-schema.ts';

type Operation = SCIMMY.Messages.PatchOp.PatchOpOperation;
type PatchRequest = NonNullable<ConstructorParameters<typeof SCIMMY.Messages.PatchOp>[0]>;

const { Attribute, SchemaDefinition } = SCIMMY.Types;

/**
 * The attributes after the operations. Throws 400 for a request that is none, with RFC 7644's scimType.
 * @param body the request's body, an object
 * @param resource the account as it is now
 */
export async function patched(
  body: object,
  resource: UserResource,
  behaviour: MapticianBehaviour,
): Promise<AccountAttributes> {
  const request = body as PatchRequest;
  const { Operations } = new SCIMMY.Messages.PatchOp(request);
  const operations = Operations.flatMap(splitByPath);
  checkDialect(operations, behaviour.patchNeeds);
  const heard = operations.filter(({ path }) => !(behaviour.ignoresTypedPaths && path?.includes('[')));
  const prepared = heard.map(withDeclaredValue).map(withBoolean);
  // The schema knows Booleans only; a text that was stored on purpose comes back below.
  const source = { ...resource, active: booleanOf(resource.active) };
  let attributes = attributesOf(source);
  if (prepared.length > 0) {
    const patch = new SCIMMY.Messages.PatchOp({ ...request, Operations: prepared });
    const result: unknown = await patch.apply(new MapticianUserSchema(source));
    if (result !== undefined) attributes = attributesOf(JSON.parse(JSON.stringify(result)));
  }
  const sentActive = operations.findLast(isActive);
  const active = sentActive ? sentActive.value : resource.active;
  return behaviour.activeAsText && isBooleanText(active) ? { ...attributes, active } : attributes;
}

/** An operation without a path is one for each key of its value; keys that the schema does not know are dropped. */
function splitByPath({ op, path, value }: Operation): Operation[] {
  if (path !== undefined) return [{ op, path: withoutCorePrefix(path), value }];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ op, value }];
  return Object.entries(value)
    .filter(([key]) => declaration(key) !== undefined)
    .map(([key, part]) => ({ op, path: withoutCorePrefix(key), value: part }));
}

const withoutCorePrefix = (path: string): string =>
  path.toLowerCase().startsWith(`${userSchemaId.toLowerCase()}:`) ? path.slice(userSchemaId.length + 1) : path;

type Declaration = SCIMMY.Types.Attribute | SCIMMY.Types.SchemaDefinition;

function declaration(path: string): Declaration | undefined {
  try {
    return userDefinition.attribute<Declaration>(path.replaceAll(/\[[^\]]*\]/g, ''));
  } catch {
    return undefined;
  }
}

/** Drops sub-attributes that the schema does not know; the library refuses them. */
function withDeclaredValue(operation: Operation): Operation {
  const declared = operation.path === undefined ? undefined : declaration(operation.path);
  const parts =
    declared instanceof SchemaDefinition
      ? declared.attributes
      : declared instanceof Attribute
        ? declared.subAttributes
        : undefined;
  if (!parts) return operation;
  const names = new Set(parts.map(({ name }) => name.toLowerCase()));
  const known = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).filter(([name]) => names.has(name.toLowerCase())))
      : value;
  const value: unknown = operation.value;
  return { ...operation, value: Array.isArray(value) ? value.map(known) : known(value) };
}

const isActive = ({ path }: Operation): boolean => path?.toLowerCase() === 'active';

const isBooleanText = (value: unknown): value is string => typeof value === 'string' && /^(?:true|false)$/i.test(value);

/** Microsoft's classic client sends `"True"` and `"False"`. */
export const booleanOf = (value: unknown): unknown => (isBooleanText(value) ? value.toLowerCase() === 'true' : value);

const withBoolean = (operation: Operation): Operation =>
  isActive(operation) ? { ...operation, value: booleanOf(operation.value) } : operation;

function checkDialect(operations: readonly Operation[], needed: MapticianBehaviour['patchNeeds']): void {
  if (needed === 'any') return;
  const capitals = needed === 'capitals' || needed === 'classic';
  const asText = needed === 'text' || needed === 'classic';
  for (const operation of operations) {
    if (!(capitals ? /^[A-Z]/ : /^[a-z]+$/).test(operation.op)) {
      throw scimError(400, `Operation "${operation.op}" is not known.`, 'invalidSyntax');
    }
    const { value }: { value?: unknown } = operation;
    if (isActive(operation) && typeof value === (asText ? 'boolean' : 'string')) {
      throw scimError(400, `active must be a ${asText ? 'text' : 'Boolean'}.`, 'invalidValue');
    }
  }
}
