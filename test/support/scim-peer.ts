/**
 * A SCIM server that is not ours: scimmy and scimmy-routers, strict by the RFCs, in memory on loopback. Under express 5
 * scimmy-routers ignores paging without a word, so it is express 4.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';

/** A user as the server keeps it. */
type PeerUser = Record<string, unknown> & { readonly id: string; userName: string };

export interface ScimPeer {
  /** The Tenant URL. */
  readonly url: string;
  readonly token: string;
  readonly users: Map<string, PeerUser>;
  /** Every request so far: method, path with query, and what was sent. */
  readonly requests: { readonly method: string; readonly path: string; readonly body: unknown }[];
  readonly behaviour: {
    /** A filter minds the case of a userName, which RFC 7643 (caseExact false) does not allow and some do. */
    caseSensitive: boolean;
    /** Users with this title are refused. */
    refusedTitle: string | undefined;
  };
  close(): Promise<void>;
}

const { Types, Resources, Schemas } = SCIMMY;

// scimmy knows its resources by one registry a process, so the server that is open is kept beside it.
let open: ScimPeer | undefined;

export async function startScimPeer(): Promise<ScimPeer> {
  if (open !== undefined) throw new Error('scimmy has one registry a process: close the other server first');
  const token = randomUUID();
  const users = new Map<string, PeerUser>();
  const requests: ScimPeer['requests'] = [];
  const behaviour: ScimPeer['behaviour'] = { caseSensitive: false, refusedTitle: undefined };
  declareUsers();

  const app = express();
  app.use(express.json({ type: ['application/json', 'application/scim+json'], limit: '1mb' }));
  app.use((request, _response, next) => {
    requests.push({ method: request.method, path: request.url, body: request.body });
    next();
  });
  app.use(
    '/scim/v2',
    new SCIMMYRouters({
      type: 'bearer',
      handler: (request) => {
        if (request.header('Authorization') !== `Bearer ${token}`) throw new Error('The token is wrong.');
        return 'peer';
      },
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => server.once('listening', () => resolve()));
  const peer: ScimPeer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`,
    token,
    users,
    requests,
    behaviour,
    close: async () => {
      open = undefined;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  open = peer;
  return peer;
}

function declareUsers(): void {
  if (Resources.declared(Resources.User)) return;
  Resources.User.extend(Schemas.EnterpriseUser, false);
  Resources.declare(Resources.User)
    .ingress((resource, data) => ingress(resource.id, JSON.parse(JSON.stringify(data))))
    .egress((resource) => {
      if (resource.id !== undefined) return stored(resource.id);
      const { filter } = resource;
      const all = [...current().users.values()];
      if (filter === undefined) return all;
      return current().behaviour.caseSensitive ? filter.match(all) : caseless(filter, all);
    })
    .degress((resource) => {
      stored(resource.id ?? '');
      current().users.delete(resource.id ?? '');
    });
}

function current(): ScimPeer {
  if (open === undefined) throw new Error('The server is closed.');
  return open;
}

function stored(id: string): PeerUser {
  const user = current().users.get(id);
  if (user === undefined) throw new Types.Error(404, '', `There is no user ${id}.`);
  return user;
}

function ingress(id: string | undefined, data: { userName: string; title?: string }): PeerUser {
  const { users, behaviour } = current();
  const taken = [...users.values()].find(
    (user) => user.id !== id && user.userName.toLowerCase() === data.userName.toLowerCase(),
  );
  if (taken !== undefined) throw new Types.Error(409, 'uniqueness', `The userName ${data.userName} is taken.`);
  if (behaviour.refusedTitle !== undefined && data.title === behaviour.refusedTitle)
    throw new Types.Error(400, 'invalidValue', `The title "${data.title}" is not allowed.`);
  const before = id === undefined ? undefined : stored(id);
  const now = new Date().toISOString();
  const created = (before?.meta as { created?: string } | undefined)?.created ?? now;
  const user = { ...data, id: id ?? randomUUID(), meta: { created, lastModified: now } };
  users.set(user.id, user);
  return user;
}

/** As RFC 7643 section 4.1 has userName: without regard to case. */
function caseless(filter: InstanceType<typeof Types.Filter>, users: readonly PeerUser[]): PeerUser[] {
  const lowered = users.map((user) => ({ ...user, userName: user.userName.toLowerCase() }));
  const found = new Set(new Types.Filter(filter.expression.toLowerCase()).match(lowered).map(({ id }) => id));
  return users.filter(({ id }) => found.has(id));
}
