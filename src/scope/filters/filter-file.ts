/** The form of config/scoping-filters.yaml, and the JSON schema by which editors complete and check it. */
import { z } from 'zod';
import { nearestName } from '../../mapping/expression/nearest-name.ts';
import { directoryExtensionPattern, sourceAttributeNames, unknownAttribute } from '../../mapping/source-schema.ts';
import { renderJsonSchema } from '../../render-json-schema.ts';
import { filterOperators, type OperatorName, operatorNames } from './operators.ts';

const readableNames = sourceAttributeNames.filter((name) => name !== 'IsSoftDeleted');

function attributeProblem({ input }: { readonly input?: unknown }): string {
  if (typeof input !== 'string') return 'attribute must be the name of an attribute';
  if (input === 'IsSoftDeleted') {
    return 'IsSoftDeleted follows from the scope and cannot decide it; use accountEnabled, or remove the clause';
  }
  return `attribute ${unknownAttribute(input)}`;
}

// Zod asks the last member of a union about a text that is none of the others, so both have the message.
const attribute = z
  .union([z.enum(readableNames), z.string().regex(directoryExtensionPattern, { error: attributeProblem })], {
    error: attributeProblem,
  })
  .meta({ description: 'An attribute of the Entra user, by the name of the Graph property. Case counts.' });

const operatorSchemas = operatorNames.map((name) => {
  const { meaning, microsoft } = filterOperators[name];
  return z.literal(name).meta({ description: microsoft ? meaning : `${meaning} Not in Microsoft's service.` });
});

const operator: z.ZodType<OperatorName> = z
  .union(operatorSchemas, {
    error: ({ input }) => {
      if (typeof input !== 'string') return 'operator must be the name of an operator, such as EQUALS';
      const near = nearestName(input, operatorNames);
      return `operator "${input}" is unknown; ${near === undefined ? `use one of ${operatorNames.join(', ')}` : `did you mean ${near}?`}`;
    },
  })
  .meta({ description: 'How the attribute is compared. The names are those of the Entra admin center.' });

const value = z
  .union([z.string(), z.int().nonnegative(), z.array(z.string())], {
    error:
      'value must be text, a whole number or a list of texts (put numbers in a list, and true or false, in quotes)',
  })
  .meta({ description: 'What the attribute is compared with; a list for IN, NOT IN, MEMBER OF and NOT MEMBER OF.' });

function keysProblem(known: readonly string[], expected: string) {
  return (issue: { readonly code?: string; readonly keys?: unknown }): string | undefined => {
    if (issue.code === 'invalid_type') return expected;
    if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return undefined;
    const advice = (key: string) => {
      const near = nearestName(key, known);
      return near === undefined
        ? `the key "${key}" has no meaning here; remove it`
        : `the key "${key}" is unknown; did you mean ${near}?`;
    };
    return issue.keys.map((key) => advice(String(key))).join('; ');
  };
}

/** One clause as it stands in the file. */
export const clauseSchema = z.strictObject(
  {
    attribute: attribute.optional(),
    operator,
    value: value.optional(),
    multivalued: z
      .enum(['all', 'any'], { error: 'multivalued must be all or any' })
      .meta({
        description: 'Whether all values of a multi-valued attribute must satisfy the clause (the default) or any.',
      })
      .optional(),
  },
  {
    error: keysProblem(
      ['attribute', 'operator', 'value', 'multivalued'],
      'a clause has an attribute, an operator and a value',
    ),
  },
);

const filterSchema = z.strictObject(
  {
    title: z
      .string({ error: 'a filter needs a title' })
      .regex(/\S/, 'a filter needs a title')
      .meta({ description: 'What the log and "why" call this filter.' }),
    clauses: z
      .array(clauseSchema, { error: 'a filter needs "clauses:" and a list of them' })
      .min(1, 'a filter without clauses would let everyone in; add one, or remove the filter')
      .meta({ description: 'Every one of these must hold.' }),
  },
  { error: keysProblem(['title', 'clauses'], 'a filter has a title and clauses') },
);

/** The whole file. */
export const filterFileSchema = z
  .strictObject(
    {
      filters: z
        .array(filterSchema, { error: 'must have "filters:" and a list; for none, write "filters: []"' })
        .meta({ description: 'One of these must hold. With none, everyone who is assigned is in scope.' }),
      skipOutOfScopeDeletions: z
        .boolean({ error: 'skipOutOfScopeDeletions must be true or false' })
        .default(false)
        .meta({ description: 'With true, whoever falls out of scope keeps the account as it is.' }),
    },
    {
      error: keysProblem(
        ['filters', 'skipOutOfScopeDeletions'],
        'must have "filters:" and a list; for none, write "filters: []"',
      ),
    },
  )
  .meta({ title: 'Scoping filters of maptician-sync' });

/**
 * The text of config/schemas/scoping-filters.schema.json.
 * `npx vitest run test/scope/filters --update` writes it.
 */
export function renderFilterSchema(): string {
  return renderJsonSchema(filterFileSchema);
}
