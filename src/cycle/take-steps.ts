/** The steps of provisioning one user on demand: import, scope, match, act. */
import type pg from 'pg';
import { type FoundUser, findUser } from '../directory/find-user.ts';
import type { PullContext } from '../directory/pull-context.ts';
import { SyncError } from '../errors.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { RunningJob } from '../queue/backend.ts';
import { databaseTime, type Queryable } from '../state/database.ts';
import { type ActOutcome, actOnUser } from './act-on-user.ts';
import { besideCycles, bringUser, readUser, writeReading } from './bring-user.ts';
import { planOfUser } from './planned-users.ts';
import { previewUser } from './preview-user.ts';
import { importStep, type ProvisioningStep, scopeStep } from './provision-steps.ts';
import { scopeOfUser } from './scope-of-user.ts';

export interface StepContext {
  readonly context: {
    readonly pool: pg.Pool;
    readonly rules: PlanRules;
    readonly runJob: (job: RunningJob, store: UserStore) => Promise<void>;
  };
  readonly signal: AbortSignal | undefined;
  readonly store: UserStore;
  readonly directory: PullContext;
  /** Undefined for a dry run. */
  readonly cycleId: number | undefined;
  readonly beforeWriting: ((id: string, cycleId: number) => Promise<void>) | undefined;
}

/** `planned`: a dry run found something to do; `unknown`: neither Entra nor the state database knows such a user. */
export type StepOutcome = ActOutcome | 'planned' | 'unknown';

/** Tells of each step when it is done. Rejects where something could not be read or written for everyone alike. */
export async function takeSteps(
  { context, signal, store, directory, cycleId, beforeWriting }: StepContext,
  user: string,
  onStep: (step: ProvisioningStep) => void,
): Promise<StepOutcome> {
  const { pool, rules } = context;
  const at = await databaseTime(pool);
  const found = await findUser(directory, user);
  onStep(importStep(found));
  if (found === undefined) return 'unknown';
  const { id } = found;
  if (cycleId !== undefined) await beforeWriting?.(id, cycleId);
  const { reading, scope, planned } =
    cycleId === undefined ? await tryOut(directory, found, rules) : await bring(directory, { at, found });
  if (scope === undefined) throw new SyncError('InternalError', 'The user is not in the mirror after it was written');
  const names = new Map(reading.access?.groups.map((group) => [group.id, group.name]));
  const unconfirmed = reading.access?.unconfirmed ?? false;
  onStep(scopeStep(scope, names, { everyone: directory.mirror.everyone, unconfirmed }));
  if (cycleId === undefined) return previewUser({ store, rules, onStep }, planned);
  return actOnUser({ pool, rules, store, runJob: context.runJob, cycleId, signal, onStep }, id);
}

/** Brings the user, and whoever has the same name: the mirror may not know yet that they have given it up. */
async function bring(directory: PullContext, begun: { readonly at: string; readonly found: FoundUser }) {
  const { reading, seen } = await bringUser(directory, begun, (db) => look(db, directory, begun.found.id));
  for (const namesake of seen.namesakes) {
    const at = await databaseTime(directory.pool);
    const found = await findUser(directory, namesake);
    if (found !== undefined) await bringUser(directory, { at, found }, async () => undefined);
  }
  return { reading, scope: seen.scope, planned: undefined };
}

/** The same as a dry run, with what would be done. */
async function tryOut(directory: PullContext, found: FoundUser, rules: PlanRules) {
  const { pool } = directory;
  const { id } = found;
  const reading = await readUser(directory, found);
  const readings = [reading];
  const write = () =>
    besideCycles(pool, { keep: false }, async (db) => {
      for (const one of readings) await writeReading(db, directory, one);
      return {
        ...(await look(db, directory, id)),
        planned: await planOfUser(db, rules, { only: id, refused: true }),
      };
    });
  let written = await write();
  if (written.namesakes.length > 0) {
    for (const namesake of written.namesakes) {
      const other = await findUser(directory, namesake);
      if (other !== undefined) readings.push(await readUser(directory, other));
    }
    written = await write();
  }
  return { reading, ...written };
}

async function look(db: Queryable, { mirror, now }: PullContext, id: string) {
  return { scope: await scopeOfUser(db, id, mirror.filters, new Date(now())), namesakes: await namesakesOf(db, id) };
}

const namesakesAtMost = 5;

/** Who else has the userName, in Entra by the mirror or in Maptician by the links. */
async function namesakesOf(db: Queryable, id: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select other.id from users u cross join lateral (
       select id from users where lower(user_name) = lower(u.user_name)
       union select entra_id from links where lower(user_name) = lower(u.user_name)) other
     where u.id = $1 and other.id <> u.id order by 1 limit ${namesakesAtMost}`,
    [id],
  );
  return rows.map((row) => row.id);
}
