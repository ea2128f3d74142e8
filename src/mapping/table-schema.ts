/** The JSON schema by which editors complete and check config/attributes.yaml. */
import { z } from 'zod';
import { renderJsonSchema } from '../render-json-schema.ts';
import { mappingRow } from './attribute-mapping.ts';
import { attributePaths } from './maptician-user.ts';
import { sourceAttributes } from './source-schema.ts';

/** As the table has them: one of several values by its number, a Boolean perhaps inverted. */
const sources = sourceAttributes.flatMap(({ name, type, multiValued }) => {
  if (multiValued) return [`${name}[0]`];
  return type === 'Boolean' ? [name, `not ${name}`] : [name];
});

const { shape } = mappingRow;

const row = mappingRow
  .extend({
    target: z.enum(attributePaths).meta({ description: 'The Maptician attribute, by its SCIM path.' }),
    source: z
      .union([z.enum(sources), z.string().regex(/^(?:not\s+)?[A-Za-z][\w.]*(?:\[\d{1,3}\])?$/)])
      .meta({
        description:
          'The attribute of the Entra user it is filled from, by the name of the Graph property. Case counts.',
      })
      .optional(),
    constant: shape.constant.meta({ description: 'A fixed value, the same for everyone.' }),
    expression: shape.expression.meta({
      description:
        'A value that is computed, in the language of Microsoft\'s expressions: Join(" ", [givenName], [surname]).',
    }),
    default: shape.default.meta({
      description:
        'Used where the source is empty, and only when the account is created. Alone, it fills an empty attribute.',
    }),
    matching: shape.matching.meta({
      description: 'Existing accounts are found by this attribute; the lowest number is tried first. userName has one.',
    }),
    apply: shape.apply.meta({
      description: 'always (the default), or create: written when the account is created and never changed afterwards.',
    }),
    nulls: shape.nulls.meta({
      description:
        'What becomes of the attribute when its source is empty: clear or keep. By default as FLOW_NULL_VALUES says.',
    }),
    required: shape.required.meta({ description: 'True: without a value the user is not provisioned.' }),
  })
  .meta({ description: 'One Maptician attribute, and what fills it.' });

const action = (description: string) => z.boolean().default(true).meta({ description });

const tableSchema = z
  .strictObject({
    attributes: z
      .array(row)
      .min(1)
      .meta({ description: 'A row for each attribute. One that has no row is left alone.' }),
    actions: z
      .strictObject({
        create: action('False: nobody gets a new account; those that exist are adopted and kept up to date.'),
        update: action('False: accounts are not changed.'),
        delete: action('False: accounts are neither deactivated nor deleted.'),
      })
      .meta({ description: 'What may be done to accounts; everything, unless it says false.' })
      .optional(),
  })
  .meta({ title: 'The attribute table of maptician-sync' });

/**
 * The text of config/schemas/attributes.schema.json. `npx vitest run test/mapping/table-schema.test.ts --update` writes
 * it.
 */
export function renderTableSchema(): string {
  return renderJsonSchema(tableSchema);
}
