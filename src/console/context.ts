/** What the parts of the console have in common. */
import type pg from 'pg';
import type { Recall } from '../remember.ts';
import type { Running } from '../running.ts';
import type { Service } from '../service.ts';
import type { UserCounts } from '../state/user-counts.ts';
import type { Turns } from './provision-turns.ts';

/** `reader` looks at everything; `operator` pulls levers as well. As the app roles are called in Entra. */
export const roles = ['reader', 'operator'] as const;
export type Role = (typeof roles)[number];

/** Who is looking. */
export interface Viewer {
  /** As the audit has it, such as `alice@example.com` or `operator token`. */
  readonly name: string;
  readonly role: Role;
  /** Whether there is somebody to sign out. */
  readonly session: boolean;
}

/** Hono's environment of each request: the access middleware has put the viewer there. */
export interface ConsoleEnv {
  readonly Variables: { viewer: Viewer };
}

export interface ConsoleContext {
  readonly service: Service;
  /**
   * The state database for whatever pages and the API read. Apart from `service.database.pool`, which levers write with: slow
   * pages take no connection from jobs, and a statement that takes too long is stopped.
   */
  readonly pool: pg.Pool;
  /** Under which people reach it, such as `https://sync.example.com`; without a slash at the end. */
  readonly origin: string;
  /** Whether this process runs cycles on schedule. */
  readonly schedule: boolean;
  /** How many users there are: where they are many, as of when they were last counted. */
  readonly counts: Recall<UserCounts>;
  /** Aborted when the service ends. */
  readonly signal: AbortSignal;
  /** What is to come to its end when the service ends, beside the requests themselves. */
  readonly running: Running;
  /** Of those who have somebody provisioned by hand. */
  readonly turns: Turns;
}

/** Who pulls a lever here, for the audit. */
export function actorOf({ name }: Pick<Viewer, 'name'>): string {
  return `${name} (console)`;
}
