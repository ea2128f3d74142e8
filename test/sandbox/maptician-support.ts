/** A sandbox with an empty tenant over plain http, and a bare SCIM client for its Maptician. */
import { z } from 'zod';
import type { AttributePath } from '../../src/mapping/maptician-user.ts';
import type { MapticianBehaviour } from '../../src/sandbox/maptician/behaviour.ts';
import type { Maptician } from '../../src/sandbox/maptician/maptician.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createTenant } from '../../src/sandbox/tenant.ts';

export const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const bodySchema = z.looseObject({
  id: z.string().optional(),
  status: z.string().optional(),
  scimType: z.string().optional(),
  detail: z.string().optional(),
  totalResults: z.number().optional(),
  Resources: z.array(z.looseObject({ id: z.string(), userName: z.string().optional() })).optional(),
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** undefined where there is none. */
  readonly body: z.infer<typeof bodySchema> | undefined;
}

export interface TestScim extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly maptician: Maptician;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
  /** GET of users by a filter. */
  filter(filter: string): Promise<Answer>;
  /** POST of a user; core and enterprise schema are named. */
  post(user: object): Promise<Answer>;
  /** PATCH of the account with these operations. */
  patch(id: string, ...operations: object[]): Promise<Answer>;
}

export async function openScim(behaviour: Partial<MapticianBehaviour> = {}): Promise<TestScim> {
  const sandbox = await startSandbox({ tenant: createTenant(), http: true, maptician: behaviour });
  const { maptician } = sandbox;
  const send: TestScim['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${maptician.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${maptician.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : bodySchema.parse(JSON.parse(text)),
    };
  };
  return {
    sandbox,
    maptician,
    send,
    get: (path) => send('GET', path),
    filter: (filter) => send('GET', `/Users?filter=${encodeURIComponent(filter)}`),
    post: (user) => send('POST', '/Users', { schemas: [core, enterprise], ...user }),
    patch: (id, ...Operations) =>
      send('PATCH', `/Users/${id}`, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations }),
    [Symbol.asyncDispose]: sandbox.close,
  };
}

/** A user with all fifteen attributes, as the attribute table names them. */
export const adaAttributes = {
  userName: 'Ada@example.com',
  'emails[type eq "work"].value': 'ada.lovelace@example.com',
  active: true,
  title: 'Analyst',
  userType: 'Member',
  'name.givenName': 'Ada',
  'name.familyName': 'Lovelace',
  'addresses[type eq "work"].locality': 'London',
  'addresses[type eq "work"].region': 'England',
  'phoneNumbers[type eq "work"].value': '55555555555',
  'phoneNumbers[type eq "mobile"].value': '44444444444',
  externalId: 'oid-1',
  [`${enterprise}:employeeNumber`]: '1815',
  [`${enterprise}:organization`]: 'Analytical Engines',
  [`${enterprise}:department`]: 'Mathematics',
} as const satisfies Record<AttributePath, string | boolean>;

/** The same user as a SCIM resource. */
export const ada = {
  externalId: 'oid-1',
  userName: 'Ada@example.com',
  active: true,
  title: 'Analyst',
  userType: 'Member',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  emails: [{ type: 'work', value: 'ada.lovelace@example.com' }],
  phoneNumbers: [
    { type: 'work', value: '55555555555' },
    { type: 'mobile', value: '44444444444' },
  ],
  addresses: [{ type: 'work', locality: 'London', region: 'England' }],
  [enterprise]: { employeeNumber: '1815', organization: 'Analytical Engines', department: 'Mathematics' },
};
