/** A sandbox over plain http and a bare client for it: no SDK, so that a test sees what is on the wire. */
import { expect } from 'vitest';
import { z } from 'zod';
import { createClock, type SandboxClock } from '../../src/sandbox/clock.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createTenant, type Tenant } from '../../src/sandbox/tenant.ts';

const entitySchema = z.looseObject({ id: z.string().optional() });
const bodySchema = z.looseObject({
  value: z.array(entitySchema).optional(),
  '@odata.nextLink': z.string().optional(),
  '@odata.deltaLink': z.string().optional(),
  '@odata.count': z.number().optional(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
});

export type Entity = z.infer<typeof entitySchema>;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: z.infer<typeof bodySchema>;
}

interface Round {
  readonly pages: readonly (readonly Entity[])[];
  readonly entries: readonly Entity[];
  readonly deltaLink: string;
}

export interface TestGraph extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly tenant: Tenant;
  readonly clock: SandboxClock;
  /** GET of a path under /v1.0, or of a whole link. */
  get(pathOrLink: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Follows the next links of a delta round to its delta link. */
  round(pathOrLink: string, headers?: Record<string, string>): Promise<Round>;
  /** Follows the next links of a list. */
  list(pathOrLink: string, headers?: Record<string, string>): Promise<readonly Entity[]>;
}

/** An empty tenant on a clock that stands still, unless the options say otherwise. */
export async function openGraph(options: SandboxOptions = {}): Promise<TestGraph> {
  const clock = options.clock ?? createClock(() => Date.UTC(2026, 0, 1));
  const tenant = options.tenant ?? (options.users === undefined ? createTenant({ clock }) : undefined);
  const sandbox = await startSandbox({ http: true, clock, ...options, ...(tenant ? { tenant } : {}) });
  const send = async (
    method: string,
    link: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Answer> => {
    const url = link.startsWith('/') ? `${sandbox.origin}/v1.0${link}` : link;
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${sandbox.issueToken()}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, headers: response.headers, body: bodySchema.parse(await response.json()) };
  };
  const get: TestGraph['get'] = (link, headers = {}) => send('GET', link, headers);
  const pagesOf = async (
    link: string,
    headers?: Record<string, string>,
  ): Promise<{ pages: Entity[][]; last: Answer }> => {
    const pages: Entity[][] = [];
    for (let next: string | undefined = link; ; ) {
      const answer: Answer = await get(next, headers);
      expect(answer.body.error).toBeUndefined();
      pages.push(answer.body.value ?? []);
      next = answer.body['@odata.nextLink'];
      if (next === undefined) return { pages, last: answer };
      expect(answer.body['@odata.deltaLink'], 'a page has one of both links').toBeUndefined();
    }
  };
  return {
    sandbox,
    tenant: sandbox.tenant,
    clock,
    get,
    post: (path, body, headers = {}) =>
      send('POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body)),
    async round(link, headers) {
      const { pages, last } = await pagesOf(link, headers);
      return { pages, entries: pages.flat(), deltaLink: last.body['@odata.deltaLink'] ?? '' };
    },
    list: async (link, headers) => (await pagesOf(link, headers)).pages.flat(),
    [Symbol.asyncDispose]: sandbox.close,
  };
}

/** Adds a user with a name of its own and returns the id. */
export function addUser(tenant: Tenant, properties: Record<string, unknown> = {}): string {
  const alias = `user${tenant.users.all.end + 1}`;
  return tenant.users.create({
    userPrincipalName: `${alias}@contoso.example`,
    displayName: alias,
    mailNickname: alias,
    accountEnabled: true,
    ...properties,
  }).id;
}
