/** Any user that Graph could give, for property tests. */
import fc from 'fast-check';
import { sourceAttributes } from '../../src/mapping/source-schema.ts';
import { type SourceUser, sourceUser } from '../../src/mapping/source-user.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'Ann', 'ANN', 'ann_b_fabrikam.example#EXT#@contoso.example', '_#ext#@', 'x#EXT#@_#EXT#@'),
);

const valuesOf = {
  string: fc.option(text),
  boolean: fc.option(fc.boolean()),
  collection: fc.option(fc.array(text, { maxLength: 3 })),
};

const properties = sourceAttributes.flatMap(({ name, property, path, type, multiValued }) => {
  if (property === undefined || name === 'id' || path.length > 0) return [];
  const kind = multiValued ? 'collection' : type === 'Boolean' ? 'boolean' : 'string';
  return [[name, valuesOf[kind]]];
});

/** Users with any of the known properties, absent ones included. */
export const anySourceUser: fc.Arbitrary<SourceUser> = fc
  .record(Object.fromEntries(properties), { requiredKeys: [] })
  .chain((properties) => fc.uuid().map((id) => sourceUser.parse({ ...properties, id })));
