/** Who is asking: by a bearer token, by a session, or, where no sign-in is set, whoever is on this machine. */
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { writeAudit } from '../../state/audit.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv, type Viewer } from '../context.ts';
import { type Claims, nameOf, roleOf } from './claims.ts';
import { type Cookie, cookie } from './cookies.ts';
import { type Entra, openEntra } from './entra.ts';
import { checkAccessToken, isJwt } from './entra-bearer.ts';
import { countFailedAttempts, type FailedAttempts, limitEntries } from './failed-attempts.ts';
import { openSessions, type Person, type Sessions, sessionSeconds } from './sessions.ts';
import { openTokens, type Tokens } from './tokens.ts';

export interface Authentication {
  readonly origin: string;
  /** False where there is no way to sign in: then the console listens on this machine only. */
  readonly needed: boolean;
  readonly entra: Entra | undefined;
  readonly tokens: Tokens;
  /** The viewer; undefined where nobody has signed in. Rejects with an HTTPException where a bearer token is not right. */
  viewer(c: Context<ConsoleEnv>): Promise<Viewer | undefined>;
  /** Signs somebody in: a session, its cookie and an entry of the audit. */
  begin(c: Context<ConsoleEnv>, person: Person, how: 'entra' | 'token'): Promise<void>;
  end(c: Context<ConsoleEnv>): Promise<void>;
  /** Rejects with an HTTPException where too many of this address have failed of late. */
  allow(c: Context<ConsoleEnv>, attempt: Attempt): Promise<void>;
  /** Counts it against the address, where it was such an attempt, and writes it down while there are few. */
  failed(c: Context<ConsoleEnv>, how: string, what?: Failure): Promise<void>;
}

/**
 * What can be tried out: a token, or a code that the authority is asked for. Each is counted by itself, so that whoever
 * tries the one keeps nobody from the other.
 */
type Attempt = 'token' | 'code';

interface Failure {
  readonly attempt?: Attempt | undefined;
  /** Where Entra said it. */
  readonly who?: string;
}

export const noRole =
  'Entra knows you, but you have neither of the app roles "reader" and "operator" of the console. Ask an administrator to assign one to you: in the Entra admin center, under Enterprise applications, the console’s own, Users and groups.';

/** The token of an Authorization header; undefined where there is none of that kind. */
export function bearerOf(c: Context<ConsoleEnv>): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
}

/** Somebody's role by their claims; undefined where they have none. */
export function personOf(claims: Claims): Person | undefined {
  const role = roleOf(claims);
  return role === undefined ? undefined : { name: nameOf(claims), role };
}

export function openAuthentication({ service, origin }: ConsoleContext): Authentication {
  const { settings, log } = service;
  const { pool } = service.database;
  const entra = openEntra(settings);
  const tokens = openTokens(settings);
  const entraProof = entra === undefined ? [] : [`entra ${entra.tenant} ${entra.clientId}`];
  const sessions = openSessions(pool, [...tokens.proofs.values(), ...entraProof]);
  const sessionCookie = cookie('maptician-sync', { origin, seconds: sessionSeconds });
  const attempts: Attempts = { token: countFailedAttempts(), code: countFailedAttempts() };
  const mayWrite = limitEntries();
  const needed = entra !== undefined || tokens.some;

  const failed: Authentication['failed'] = async (c, how, { attempt, who } = {}) => {
    const address = addressOf(c);
    if (attempt !== undefined) await attempts[attempt].count(address);
    if (!(await mayWrite())) return;
    const actor = who ?? `somebody at ${address}`;
    log.warn({ how }, 'a sign-in to the console was refused');
    await writeAudit(pool, {
      actor: actorOf({ name: actor }),
      action: 'sign-in refused',
      subject: null,
      detail: { how },
    });
  };
  const parts = { tokens, entra, attempts, failed };
  return {
    origin,
    needed,
    entra,
    tokens,
    failed,
    viewer: async (c) => {
      if (!needed) return { name: 'this machine', role: 'operator', session: false };
      const bearer = bearerOf(c);
      if (bearer !== undefined) return { ...(await bearerViewer(c, bearer, parts)), session: false };
      return sessionViewer(c, sessions, sessionCookie);
    },
    begin: async (c, person, how) => {
      const proof = how === 'entra' ? entraProof[0] : tokens.proofs.get(person.role);
      const before = sessionCookie.get(c);
      if (before !== undefined) await sessions.end(before);
      sessionCookie.set(c, await sessions.begin(person, proof ?? ''));
      await writeAudit(pool, {
        actor: actorOf(person),
        action: 'sign-in',
        subject: null,
        detail: { how, role: person.role },
      });
    },
    end: async (c) => {
      const secret = sessionCookie.get(c);
      if (secret !== undefined) await sessions.end(secret);
      sessionCookie.delete(c);
    },
    allow: (c, attempt) => refuseWhileTooMany(c, attempts[attempt]),
  };
}

type Attempts = Readonly<Record<Attempt, FailedAttempts>>;

async function sessionViewer(
  c: Context<ConsoleEnv>,
  sessions: Sessions,
  sessionCookie: Cookie,
): Promise<Viewer | undefined> {
  const secret = sessionCookie.get(c);
  const person = secret === undefined ? undefined : await sessions.find(secret);
  return person === undefined ? undefined : { ...person, session: true };
}

/**
 * Only a wrong token is counted and kept waiting: those of the settings are too long to be guessed, however often, and one
 * that Entra has signed cannot be.
 */
async function bearerViewer(
  c: Context<ConsoleEnv>,
  token: string,
  { tokens, entra, attempts, failed }: Pick<Authentication, 'tokens' | 'entra' | 'failed'> & { attempts: Attempts },
): Promise<Person> {
  const known = tokens.find(token);
  if (known !== undefined) return known;
  const outcome =
    entra !== undefined && isJwt(token) ? await checkAccessToken(entra, token) : { wrong: 'it is unknown' };
  if ('unreachable' in outcome) {
    throw new HTTPException(503, { message: `${entra?.host} could not be asked for its keys. Try again in a moment.` });
  }
  if ('claims' in outcome) {
    const person = personOf(outcome.claims);
    if (person !== undefined) return person;
    await failed(c, 'bearer token without a role', { who: nameOf(outcome.claims) });
    throw new HTTPException(403, { message: noRole });
  }
  await refuseWhileTooMany(c, attempts.token);
  await failed(c, 'bearer token', { attempt: 'token' });
  c.header('WWW-Authenticate', 'Bearer realm="maptician-sync", error="invalid_token"');
  throw new HTTPException(401, { message: `The bearer token is not accepted: ${outcome.wrong}.` });
}

async function refuseWhileTooMany(c: Context<ConsoleEnv>, attempts: FailedAttempts): Promise<void> {
  const seconds = await attempts.wait(addressOf(c));
  if (seconds === undefined) return;
  c.header('Retry-After', String(seconds));
  throw new HTTPException(429, {
    message: `Too many sign-ins have failed. Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`,
  });
}

/** Of the connection: what a header says of it, anybody could have written. */
function addressOf(c: Context<ConsoleEnv>): string {
  return getConnInfo(c).remote.address ?? 'unknown';
}
