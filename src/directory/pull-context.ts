/** What every reader of the Entra side is handed. */
import type pg from 'pg';
import type { Log } from '../log.ts';
import type { GraphClient } from './graph-client.ts';
import type { MirrorOptions } from './mirror.ts';

export interface PullContext {
  readonly pool: pg.Pool;
  readonly graph: GraphClient;
  readonly mirror: MirrorOptions;
  /** The Maptician enterprise app's service principal; undefined with SYNC_SCOPE=all. */
  readonly servicePrincipalId: string | undefined;
  /** Groups that scoping filters ask about: their members are known, and get no access by it. */
  readonly filterGroups: readonly string[];
  /** Members of groups within a group count as its members. */
  readonly nestedGroups: boolean;
  /** What the cursors depend on: tenant, cloud, app, scope, properties. */
  readonly fingerprint: string;
  readonly log: Log;
  readonly now: () => number;
  readonly progress: (phase: PullPhase, done: number, total: number | undefined) => void;
  /** Something a person should know that stops nobody: it goes into the cycle's record and the mail. */
  readonly warn: (message: string) => void;
}

type PullPhase = 'users' | 'assignments' | 'groups' | 'reading' | 'confirming';
