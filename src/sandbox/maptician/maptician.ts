/** Maptician in the sandbox: its accounts as code sees and edits them, beside the SCIM endpoint that answers the worker. */
import { randomBytes } from 'node:crypto';
import type { UserAttributes } from '../../mapping/maptician-user.ts';
import type { Faults } from '../faults.ts';
import type { SandboxRequest, SandboxResponse } from '../http-message.ts';
import type { RequestLog } from '../request-log.ts';
import { type Account, type AccountAttributes, createAccounts } from './accounts.ts';
import type { MapticianBehaviour } from './behaviour.ts';
import { basePath, createEndpoint } from './endpoint.ts';
import { notFound, scimError } from './scim-error.ts';
import { present, resourceOf, type UserResource } from './user-resource.ts';

/** An account: its attributes as the attribute table names them, and the resource as the endpoint answers it. */
interface MapticianUser {
  readonly id: string;
  readonly attributes: AccountAttributes;
  readonly resource: UserResource;
}

/** Maptician as its own people see it. Edits are made behind the worker's back: no switch or fault touches them. */
export interface Maptician {
  /** The Tenant URL. */
  readonly url: string;
  /** The Secret Token. */
  readonly token: string;
  readonly behaviour: MapticianBehaviour;
  readonly size: number;
  /** All accounts, in the order they were made. */
  users(): MapticianUser[];
  /** One account by id or userName; throws a SCIM error 404 where there is none. */
  user(idOrUserName: string): MapticianUser;
  /** Throws a SCIM error 409 where userName or work e-mail is taken. */
  create(attributes: UserAttributes): MapticianUser;
  /** Changes these attributes only; null clears. Throws 404 and 409. */
  update(idOrUserName: string, changes: UserAttributes): MapticianUser;
  delete(idOrUserName: string): void;
  clear(): void;
  /** Another token is good from now on, and the one before is not; a random one by default. */
  setToken(token?: string): void;
}

export interface MapticianOptions {
  readonly behaviour: MapticianBehaviour;
  readonly faults: Faults;
  readonly log: RequestLog;
  /** Where the sandbox is reached. */
  readonly origin: () => string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** `handle` answers a request; undefined when the URL is not the endpoint's. */
export function createMaptician(options: MapticianOptions): {
  readonly maptician: Maptician;
  readonly handle: (request: SandboxRequest) => Promise<SandboxResponse> | undefined;
} {
  const { behaviour, faults, log, origin } = options;
  const accounts = createAccounts({ now: options.now, uniqueEmails: () => behaviour.uniqueEmails });
  const url = (): string => `${origin()}${basePath}`;
  const newToken = (): string => randomBytes(24).toString('base64url');
  let token = newToken();

  const shown = (account: Account): MapticianUser => ({
    id: account.id,
    attributes: account.attributes,
    resource: resourceOf(account, `${url()}/Users/${account.id}`),
  });
  const find = (idOrUserName: string): Account => accounts.find(idOrUserName) ?? missing(idOrUserName);
  const missing = (idOrUserName: string): never => {
    throw notFound(idOrUserName);
  };
  const named = (attributes: AccountAttributes): AccountAttributes => {
    if (attributes.userName) return attributes;
    throw scimError(400, 'An account must have a userName.', 'invalidValue');
  };

  const maptician: Maptician = {
    get url() {
      return url();
    },
    get token() {
      return token;
    },
    behaviour,
    get size() {
      return accounts.size;
    },
    users: () => accounts.page(0, accounts.size).map(shown),
    user: (idOrUserName) => shown(find(idOrUserName)),
    create: (attributes) => shown(accounts.create(named(present(attributes)))),
    update(idOrUserName, changes) {
      const { id, attributes } = find(idOrUserName);
      return shown(accounts.update(id, named(present({ ...attributes, ...changes }))));
    },
    delete: (idOrUserName) => void accounts.delete(find(idOrUserName).id),
    clear: accounts.clear,
    setToken(value = newToken()) {
      token = value;
    },
  };
  return { maptician, handle: createEndpoint({ accounts, behaviour, faults, log, url, token: () => token }) };
}
