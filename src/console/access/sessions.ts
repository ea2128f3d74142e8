/**
 * Who is signed in: rows that all replicas share. A session lasts eight hours, and one hour without a request. It also ends
 * when what it was begun with, a token or the app registration, is not in the settings any more.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { Role } from '../context.ts';

/** Seconds until a session ends, however busy it is. */
export const sessionSeconds = 8 * 60 * 60;

/** Somebody whom a token or Entra has vouched for. */
export interface Person {
  /** As the audit has it. */
  readonly name: string;
  readonly role: Role;
}

export interface Sessions {
  /** Resolves with the secret that belongs into the cookie. `proof` is one of those that are accepted. */
  begin(person: Person, proof: string): Promise<string>;
  /** Undefined where there is no such session, or it has ended. */
  find(secret: string): Promise<Person | undefined>;
  end(secret: string): Promise<void>;
}

const alive = `begun_at > now() - interval '${sessionSeconds} seconds' and seen_at > now() - interval '1 hour'`;

/** `proofs` are what sessions can have been begun with, and are keys of the hashes: a session of any other is not found. */
export function openSessions(pool: pg.Pool, proofs: readonly string[]): Sessions {
  const hashOf = (secret: string, proof: string) => createHmac('sha256', proof).update(secret).digest();
  const hashesOf = (secret: string) => proofs.map((proof) => hashOf(secret, proof));
  return {
    begin: async ({ name, role }, proof) => {
      const secret = randomBytes(32).toString('base64url');
      await pool.query(`delete from sessions where not (${alive})`);
      await pool.query('insert into sessions (hash, name, role) values ($1, $2, $3)', [
        hashOf(secret, proof),
        name,
        role,
      ]);
      return secret;
    },
    find: async (secret) => {
      const { rows } = await pool.query<Person & { readonly unseen: boolean }>(
        `select name, role, seen_at < now() - interval '1 minute' as unseen from sessions where hash = any($1) and ${alive}`,
        [hashesOf(secret)],
      );
      const [session] = rows;
      if (session === undefined) return undefined;
      // A page that refreshes itself must not write with each of its requests.
      if (session.unseen) {
        await pool.query('update sessions set seen_at = now() where hash = any($1)', [hashesOf(secret)]);
      }
      return { name: session.name, role: session.role };
    },
    end: async (secret) => {
      await pool.query('delete from sessions where hash = any($1)', [hashesOf(secret)]);
    },
  };
}
