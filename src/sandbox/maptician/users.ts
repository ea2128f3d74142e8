/** What the SCIM endpoint does with users: the methods of `/Users` and `/Users/{id}` (RFC 7644 section 3). */
import type { SandboxRequest, SandboxResponse } from '../http-message.ts';
import type { Account, AccountAttributes, Accounts } from './accounts.ts';
import type { MapticianBehaviour } from './behaviour.ts';
import { listAccounts } from './list-accounts.ts';
import { booleanOf, patched } from './patch.ts';
import { scimError, scimResponse } from './scim-error.ts';
import { sameAttributes, storedValues } from './stored-values.ts';
import { attributesOf, resourceOf, type UserResource } from './user-resource.ts';
import { MapticianUserSchema } from './user-schema.ts';

export interface UsersContext {
  readonly accounts: Accounts;
  readonly behaviour: MapticianBehaviour;
  /** The endpoint's base. */
  readonly url: () => string;
}

/**
 * Answers a request to the collection or, with an id, to one account; rejects with the library's error for anything that
 * is refused.
 */
export async function answerUsers(
  context: UsersContext,
  request: SandboxRequest,
  query: URLSearchParams,
  id: string | undefined,
): Promise<SandboxResponse> {
  const { accounts, behaviour } = context;
  const toResource = (account: Account): UserResource => resourceOf(account, `${context.url()}/Users/${account.id}`);
  if (id === undefined) {
    if (request.method === 'GET') return scimResponse(200, listAccounts(accounts, query, behaviour, toResource));
    if (request.method !== 'POST') throw methodNotAllowed(request);
    const sent = sentAttributes(request, behaviour);
    const absent = behaviour.requires.find((path) => sent[path] === undefined);
    if (absent !== undefined) throw scimError(400, `Required attribute '${absent}' is missing.`, 'invalidValue');
    const account = accounts.create(storedValues(sent, {}, behaviour));
    return scimResponse(201, createdBody(toResource(account), behaviour), {
      Location: `${context.url()}/Users/${account.id}`,
    });
  }
  const account = accounts.get(id);
  switch (request.method) {
    case 'GET':
      return scimResponse(200, toResource(account));
    case 'PUT': {
      const wanted = storedValues(sentAttributes(request, behaviour), account.attributes, behaviour);
      return scimResponse(200, toResource(write(accounts, account, wanted)));
    }
    case 'PATCH': {
      const sent = await patched(bodyOf(request), toResource(account), behaviour);
      const wanted = storedValues(sent, account.attributes, behaviour);
      const written = write(accounts, account, wanted);
      const { patchAnswers } = behaviour;
      const tells = patchAnswers === 'always' || (patchAnswers === 'resource' && written !== account);
      return tells ? scimResponse(200, toResource(written)) : scimResponse(204);
    }
    case 'DELETE': {
      const gone = behaviour.softDeletes
        ? write(accounts, account, { ...account.attributes, active: false })
        : accounts.delete(id);
      return behaviour.deleteAnswersBody ? scimResponse(200, toResource(gone)) : scimResponse(204);
    }
    default:
      throw methodNotAllowed(request);
  }
}

function createdBody(resource: UserResource, { createAnswers }: MapticianBehaviour): UserResource | undefined {
  if (createAnswers === 'nothing') return undefined;
  return createAnswers === 'withoutId' ? { ...resource, id: undefined } : resource;
}

/** The account as it is then; the same object when nothing changed. */
const write = (accounts: Accounts, account: Account, wanted: AccountAttributes): Account =>
  sameAttributes(account.attributes, wanted) ? account : accounts.update(account.id, wanted);

const methodNotAllowed = ({ method }: SandboxRequest): Error => scimError(405, `${method} is not supported here.`);

/** The attributes of a whole user in a request's body. */
function sentAttributes(request: SandboxRequest, behaviour: MapticianBehaviour): AccountAttributes {
  const body = bodyOf(request);
  const [activeKey, active]: [string?, unknown?] =
    Object.entries(body).find(([key]) => key.toLowerCase() === 'active') ?? [];
  const coerced = coerce(activeKey === undefined ? body : { ...body, [activeKey]: booleanOf(active) });
  const attributes = attributesOf(coerced);
  const isText = behaviour.activeAsText && typeof active === 'string';
  return isText ? { ...attributes, active } : attributes;
}

/** The library throws a plain TypeError for a value that does not fit. */
function coerce(body: object): unknown {
  try {
    return JSON.parse(JSON.stringify(new MapticianUserSchema(body, 'in')));
  } catch (thrown) {
    throw thrown instanceof TypeError ? scimError(400, `${thrown.message}.`, 'invalidValue') : thrown;
  }
}

function bodyOf({ body, headers }: SandboxRequest): object {
  if (!/^application\/(?:scim\+)?json\b/i.test(headers['content-type'] ?? '')) {
    throw scimError(415, 'The body must be application/scim+json.');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw scimError(400, 'The body is no valid JSON.', 'invalidSyntax');
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw scimError(400, 'The body must be a JSON object.', 'invalidSyntax');
}
