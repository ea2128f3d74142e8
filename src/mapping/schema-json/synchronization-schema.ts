/**
 * Microsoft's synchronization schema, as the Entra admin center downloads it and Graph's
 * `GET /servicePrincipals/{id}/synchronization/jobs/{id}/schema` gives it
 * (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema). Members that say nothing
 * about the mapping are let through unread, and whatever may be left out may also be null.
 */
import { z } from 'zod';
import { SyncError } from '../../errors.ts';

const text = z.string().nullish();

function list<Item extends z.ZodType>(item: Item) {
  return z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
}

/** Where a value comes from; a function has its arguments as parameters, its text as `expression`, or both. */
export interface MappingSourceJson {
  readonly expression?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly type?: string | null | undefined;
  readonly parameters?: readonly ParameterJson[] | null | undefined;
}

interface ParameterJson {
  readonly key?: string | null | undefined;
  readonly value?: MappingSourceJson | null | undefined;
}

const mappingSource: z.ZodType<MappingSourceJson> = z.object({
  expression: text,
  name: text,
  type: text,
  parameters: z.array(z.object({ key: text, value: z.lazy(() => mappingSource).nullish() })).nullish(),
});

const attributeMapping = z.object({
  targetAttributeName: z.string(),
  source: mappingSource.nullish(),
  defaultValue: text,
  flowType: text,
  flowBehavior: text,
  matchingPriority: z.number().nullish(),
});

export type AttributeMappingJson = z.infer<typeof attributeMapping>;

const filterClause = z.object({
  sourceOperandName: text,
  operatorName: z.string(),
  targetOperand: z.object({ values: list(z.string()) }).nullish(),
  /** In Graph it belongs to the operator; `mapping export` says it of a clause. */
  multivaluedComparisonType: text,
});

export type FilterClauseJson = z.infer<typeof filterClause>;

const filterGroup = z.object({ name: text, clauses: list(filterClause) });

export type FilterGroupJson = z.infer<typeof filterGroup>;

const objectMapping = z.object({
  name: text,
  enabled: z.boolean().nullish(),
  flowTypes: text,
  sourceObjectName: text,
  targetObjectName: text,
  scope: z
    .object({
      groups: list(filterGroup),
      inputFilterGroups: list(filterGroup),
      categoryFilterGroups: list(filterGroup),
    })
    .nullish(),
  attributeMappings: list(attributeMapping),
});

export type ObjectMappingJson = z.infer<typeof objectMapping>;

const synchronizationRule = z.object({
  name: text,
  priority: z.number().nullish(),
  sourceDirectoryName: text,
  targetDirectoryName: text,
  objectMappings: list(objectMapping),
});

export type SynchronizationRuleJson = z.infer<typeof synchronizationRule>;

const attributeDefinition = z.object({
  name: z.string(),
  required: z.boolean().nullish(),
  flowNullValues: z.boolean().nullish(),
});

const synchronizationSchema = z.object({
  synchronizationRules: z.array(synchronizationRule),
  directories: list(
    z.object({
      name: text,
      objects: list(z.object({ name: text, attributes: list(attributeDefinition) })),
    }),
  ),
});

export type SynchronizationSchemaJson = z.infer<typeof synchronizationSchema>;

/**
 * Checks the form of a schema.
 * @throws SyncError Misconfigured, naming every problem with its place
 */
export function readSynchronizationSchema(json: unknown): SynchronizationSchemaJson {
  const parsed = synchronizationSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${placeOf(path)}: ${message}`);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  throw new SyncError(
    'Misconfigured',
    `This is no synchronization schema, as Entra's "Review your schema here" downloads it (${count}):\n  ${problems.join('\n  ')}`,
  );
}

function placeOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text === '' ? 'the file' : text.replace(/^\./, '');
}
