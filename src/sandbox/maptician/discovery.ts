/** What the endpoint tells about itself: ServiceProviderConfig, ResourceTypes, Schemas (RFC 7644 section 4). */
import type { MapticianBehaviour } from './behaviour.ts';
import { notFound } from './scim-error.ts';
import { enterpriseDefinition, enterpriseSchemaId, userDefinition, userSchemaId } from './user-schema.ts';

const schemaUrn = 'urn:ietf:params:scim:schemas:core:2.0';

/**
 * The answer to a GET; undefined when the path is none of the three.
 * @param path below the base, such as `/Schemas`
 * @param url the endpoint's base
 */
export function discover(path: string, url: string, behaviour: MapticianBehaviour): object | undefined {
  const [, endpoint, id] = /^\/(\w+)(?:\/(.+))?$/.exec(path) ?? [];
  if (endpoint === 'ServiceProviderConfig' && id === undefined) return serviceProviderConfig(url, behaviour);
  const described =
    endpoint === 'Schemas'
      ? [userDefinition, enterpriseDefinition].map((definition) => definition.describe(`${url}/Schemas`))
      : endpoint === 'ResourceTypes'
        ? [userResourceType(url)]
        : undefined;
  if (!described) return undefined;
  if (id === undefined) return listOf(described);
  const one = described.find((each) => each.id === id);
  if (!one) throw notFound(id);
  return one;
}

const listOf = (Resources: readonly object[]): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: Resources.length,
  startIndex: 1,
  itemsPerPage: Resources.length,
  Resources,
});

const userResourceType = (url: string): { id: string } => ({
  ...{
    schemas: [`${schemaUrn}:ResourceType`],
    id: 'User',
    name: 'User',
    endpoint: '/Users',
    description: 'User Account',
  },
  ...{ schema: userSchemaId, schemaExtensions: [{ schema: enterpriseSchemaId, required: false }] },
  ...{ meta: { resourceType: 'ResourceType', location: `${url}/ResourceTypes/User` } },
});

const serviceProviderConfig = (url: string, { pageLimit }: MapticianBehaviour): object => ({
  schemas: [`${schemaUrn}:ServiceProviderConfig`],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: pageLimit },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: false },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Secret Token',
      description: 'The Secret Token of the tenant, as a bearer token.',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${url}/ServiceProviderConfig` },
});
