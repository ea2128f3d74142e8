/**
 * The schema of Maptician's users: the fifteen attributes of the tutorial
 * (https://learn.microsoft.com/entra/identity/saas-apps/maptician-provisioning-tutorial, step 5) and no more, as
 * definitions that coerce what is sent and describe themselves under `/Schemas` (RFC 7643 section 7).
 */
import SCIMMY from 'scimmy';

const { Attribute, Schema, SchemaDefinition } = SCIMMY.Types;

export const userSchemaId = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseSchemaId = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const text = (name: string, description: string): SCIMMY.Types.Attribute =>
  new Attribute('string', name, { description });

export const enterpriseDefinition = new SchemaDefinition('EnterpriseUser', enterpriseSchemaId, 'Enterprise User', [
  text('employeeNumber', 'Number within the organization.'),
  text('organization', 'Name of the organization.'),
  text('department', 'Name of the department.'),
]);

export const userDefinition = new SchemaDefinition('User', userSchemaId, 'User Account', [
  new Attribute('string', 'userName', {
    required: true,
    uniqueness: 'server',
    description: 'What the user signs in with. Unique, compared without regard to case.',
  }),
  new Attribute('boolean', 'active', { description: 'Whether the user may sign in.' }),
  text('title', 'Job title.'),
  text('userType', 'Relation to the organization, such as Member or Guest.'),
  new Attribute('complex', 'name', { description: 'Parts of the name.' }, [
    text('givenName', 'First name.'),
    text('familyName', 'Last name.'),
  ]),
  new Attribute('complex', 'emails', { multiValued: true, description: 'E-mail addresses; only work is kept.' }, [
    new Attribute('string', 'value', { uniqueness: 'server', description: 'The address.' }),
    text('type', 'Always work.'),
    new Attribute('boolean', 'primary', { description: 'Taken, and not kept.' }),
  ]),
  new Attribute('complex', 'phoneNumbers', { multiValued: true, description: 'Only work and mobile are kept.' }, [
    text('value', 'The number.'),
    text('type', 'work or mobile.'),
  ]),
  new Attribute('complex', 'addresses', { multiValued: true, description: 'Only work is kept.' }, [
    text('locality', 'City.'),
    text('region', 'State or province.'),
    text('type', 'Always work.'),
  ]),
]).extend(enterpriseDefinition, false);

/** A user as sent or stored; constructing one drops what the schema does not know, and
 * throws a TypeError, or the library's error, for what does not fit. */
export class MapticianUserSchema extends Schema {
  static override readonly id: string = userSchemaId;
  static override readonly definition: SCIMMY.Types.SchemaDefinition = userDefinition;

  /** @param direction `in` for what a client sent */
  constructor(resource: object, direction?: 'in') {
    super(resource, direction);
    Object.assign(this, userDefinition.coerce(resource, direction));
  }
}
