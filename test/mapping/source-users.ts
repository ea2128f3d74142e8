/** Any user that Graph could give, for property tests. */
import fc from 'fast-check';
import { graphPropertyKind, graphPropertyNames, type SourceUser, sourceUser } from '../../src/mapping/source-user.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'Ann', 'ANN', 'ann_b_fabrikam.example#EXT#@contoso.example', '_#ext#@', 'x#EXT#@_#EXT#@'),
);

const valuesOf = {
  string: fc.option(text),
  boolean: fc.option(fc.boolean()),
  collection: fc.option(fc.array(text, { maxLength: 3 })),
};

/** Users with any of the known properties, absent ones included. */
export const anySourceUser: fc.Arbitrary<SourceUser> = fc
  .record(Object.fromEntries(graphPropertyNames.map((name) => [name, valuesOf[graphPropertyKind(name) ?? 'string']])), {
    requiredKeys: [],
  })
  .chain((properties) => fc.uuid().map((id) => sourceUser.parse({ ...properties, id })));
