/**
 * What a cycle would do over all its waves: the decisions of its first wave, what becomes of those who wait in it, and which
 * of the users to be created Maptician has already, as their jobs will find out. Writes nothing, and reads Maptician.
 *
 * Not foreseen is what only shows when Maptician is written to: a value that it refuses, or wants unique beside the
 * userName, an account that somebody removed there.
 */
import type pg from 'pg';
import { matchingAttributes } from '../mapping/attribute-table.ts';
import type { UserAttributes } from '../mapping/maptician-user.ts';
import { type Match, matchAccounts } from '../maptician/match-accounts.ts';
import type { UserStore } from '../maptician/user-store.ts';
import { decide, type PlanRules } from '../plan/decide.ts';
import type { Holder } from '../plan/names.ts';
import { isLimited, type KindCounts, type LimitedKind, limitsPassed, noKinds } from '../plan/removal-guard.ts';
import { type Fate, foreseeWaves, type NameWaiter } from '../plan/waves.ts';
import { emailHolders } from './email-holders.ts';
import { type GuardRules, readGuardState } from './guard-state.ts';
import {
  isAnswered,
  isOperative,
  type Passing,
  type Planned,
  plannedUsers,
  planUsers,
  type Waiting,
  withheld,
} from './planned-users.ts';
import { foreseeYields, refusedYields, type Yield } from './yields.ts';

/** A user for whom there is something to do or to say, as it ends. */
export interface Foreseen extends Omit<Planned, 'decision'> {
  readonly decision: Exclude<Planned['decision'], Waiting | Passing> | Yield;
  /** Of one to be created the accounts that match and are adopted; several are a failure. */
  readonly existing: Match | undefined;
  /** The account that has to give up the userName before. */
  readonly after: Holder | undefined;
}

export interface ForeseeOptions {
  readonly pool: pg.Pool;
  readonly rules: PlanRules;
  readonly guard: GuardRules;
  readonly store: UserStore;
  /** Whose listing of accounts answers, where one was made. */
  readonly cycleId: number;
  /** As if nobody had an account. */
  readonly unlinked: boolean;
}

/** What the guard will say. */
export interface Verdict {
  /** Something waits for an operator, or would. */
  readonly held: boolean;
  /** Of what is planned anew: the kinds that would be held, each with the limit it passes, in words after "that is". */
  readonly limitsPassed: Readonly<Partial<Record<LimitedKind, string>>>;
}

/** Tells `each` of everyone, in batches; of those who wait at the end. */
export async function foresee(
  options: ForeseeOptions,
  each: (batch: readonly Foreseen[]) => Promise<void>,
): Promise<Verdict> {
  const { pool, rules, unlinked } = options;
  const waiting: WaitingUser[] = [];
  const counts = { planned: { ...noKinds }, held: { ...noKinds } };
  let operations = 0;
  for await (const chunk of plannedUsers(pool, rules, { unlinked })) {
    for (const planned of chunk) {
      if (isWaiting(planned)) waiting.push(planned);
      if (!isOperative(planned.decision)) continue;
      operations += 1;
      const { kind } = planned.decision;
      if (isLimited(kind) && isCounted(planned))
        counts[planned.operationState === 'held' ? 'held' : 'planned'][kind] += 1;
    }
    await each(await withExisting(options, chunk.flatMap(toForeseen(rules))));
  }
  const verdict = await verdictOf(options, counts);
  if (waiting.length > 0) await foreseeWaiting(options, waiting, { operations, ...verdict }, each);
  return verdict;
}

/** An operator has not said yet that it may be done. */
function isCounted(planned: Planned): boolean {
  return planned.operationState !== 'approved' && !isAnswered(planned, 'approved');
}

async function verdictOf(
  { pool, guard }: ForeseeOptions,
  counts: { readonly planned: KindCounts; readonly held: KindCounts },
): Promise<Verdict> {
  const state = await readGuardState(pool, guard.everyone);
  const passed = limitsPassed({ ...counts, ...state, passed: noKinds }, guard.limits);
  const held = passed.size > 0 || Object.values(counts.held).some((users) => users > 0);
  return { held, limitsPassed: Object.fromEntries(passed) };
}

type WaitingUser = Planned & { readonly decision: Waiting };

function isWaiting(planned: Planned): planned is WaitingUser {
  return planned.decision.kind === 'wait';
}

/** Whoever waits is told of later; whose account has passed to somebody else is as one who never had one. */
function toForeseen(rules: PlanRules) {
  return (planned: Planned): Foreseen[] => {
    const { decision, subject } = planned;
    if (decision.kind === 'wait' || decision.kind === 'nothing') return [];
    if (decision.kind !== 'pass') return [{ ...planned, decision, existing: undefined, after: undefined }];
    const left = decide({ ...subject, link: null }, rules);
    return left.kind === 'nothing' ? [] : [{ ...planned, decision: left, existing: undefined, after: undefined }];
  };
}

interface FirstWave extends Verdict {
  readonly operations: number;
}

async function foreseeWaiting(
  options: ForeseeOptions,
  waiting: readonly WaitingUser[],
  wave: FirstWave,
  each: (batch: readonly Foreseen[]) => Promise<void>,
): Promise<void> {
  const { pool } = options;
  const fates = await fatesOf(options, waiting, wave);
  const waiters = waiting.map(toWaiter);
  const { gets, yields } = foreseeWaves(waiters, { operations: wave.operations, fates });
  const newNames = new Map(yields.map(({ holder, name }) => [holder.entraId, name]));
  const yielding = await foreseeYields(
    pool,
    yields.map(({ holder }) => holder),
  );
  await each(yielding.map((planned) => ({ ...planned, existing: undefined, after: undefined })));
  const ended = waiting.map((planned) => {
    const got = gets.get(planned.subject.id);
    return got === undefined
      ? stillWaiting(planned)
      : afterWaiting(planned, got.takeover, newNames.get(planned.subject.id));
  });
  const found = await withExisting(options, ended);
  const holders = new Map(waiting.map(({ subject, decision }) => [subject.id, decision.holder]));
  await each(found.map((foreseen) => asItWillBe(foreseen, holders.get(foreseen.subject.id), fates)));
}

function toWaiter({ subject, userName, decision }: WaitingUser): NameWaiter {
  const { holder, yields } = decision;
  return { id: subject.id, name: userName ?? '', linked: subject.link !== null, waiting: { holder, yields } };
}

/** What the first wave does to the holders of the names, as far as they do not wait themselves. */
async function fatesOf(
  { pool, rules }: ForeseeOptions,
  waiting: readonly WaitingUser[],
  { limitsPassed: passed }: FirstWave,
): Promise<Map<string, Fate>> {
  const ids = new Set(waiting.map(({ subject }) => subject.id));
  const holders = waiting.map(({ decision }) => decision.holder);
  const fates = new Map<string, Fate>();
  const yielding = holders.map((holder) => ({ holder, attribute: 'userName' as const }));
  for (const id of await refusedYields(pool, yielding)) fates.set(id, 'stays');
  const others = holders.map(({ entraId }) => entraId).filter((id) => !ids.has(id));
  for (const planned of await planUsers(pool, rules, others)) {
    const { subject, decision, operationState } = planned;
    if (!isOperative(decision)) continue;
    const { kind, attributes } = decision;
    const over = isLimited(kind) && passed[kind] !== undefined && isCounted(planned);
    if (operationState === 'held' || over) fates.set(subject.id, 'held');
    else if (kind === 'deactivate') fates.set(subject.id, 'deactivated');
    else if (kind === 'delete' || attributes.userName !== undefined) fates.set(subject.id, 'frees');
  }
  return fates;
}

function stillWaiting({ decision, ...planned }: WaitingUser): Foreseen {
  const reason = `the userName is held by the account of ${decision.holder.entraId}, which could not give it up in this cycle`;
  return { ...planned, existing: undefined, after: undefined, decision: { kind: 'fail', code: 'Conflict', reason } };
}

/** @param yieldedName what its own account has been renamed to meanwhile */
function afterWaiting(planned: WaitingUser, takeover: Holder | undefined, yieldedName: string | undefined): Foreseen {
  const { holder, next } = planned.decision;
  const { subject } = planned;
  const link =
    subject.link === null || yieldedName === undefined
      ? subject.link
      : { ...subject.link, applied: { ...subject.link.applied, userName: yieldedName } };
  const decision = withheld({ ...planned, takeover }, next) ?? next;
  return { ...planned, subject: { ...subject, link }, takeover, existing: undefined, after: holder, decision };
}

/** The accounts as they are when the users' turn comes, not as they are now. */
function asItWillBe(foreseen: Foreseen, holder: Holder | undefined, fates: ReadonlyMap<string, Fate>): Foreseen {
  const { existing, takeover } = foreseen;
  if (existing === undefined || holder === undefined) return foreseen;
  if (takeover === undefined) {
    // By then the holder's account has another name.
    const users = existing.users.filter(({ id }) => id !== holder.mapticianId);
    return { ...foreseen, existing: users.length === 0 ? undefined : { ...existing, users } };
  }
  if (fates.get(holder.entraId) !== 'deactivated') return foreseen;
  const users = existing.users.map((user) =>
    user.id === holder.mapticianId ? { ...user, attributes: { ...user.attributes, active: false } } : user,
  );
  return { ...foreseen, existing: { ...existing, users } };
}

/** With the accounts that whoever is to be created has already. */
async function withExisting(
  { pool, store, rules, cycleId }: ForeseeOptions,
  batch: readonly Foreseen[],
): Promise<readonly Foreseen[]> {
  const wanted = batch.filter(({ decision }) => decision.kind === 'create');
  if (wanted.length === 0) return batch;
  const lookUp = { cycleId, fresh: false };
  const found = await matchAccounts(store, matchingAttributes(rules.table), wanted, attributesOf, lookUp);
  const others = wanted.filter((one) => !found.has(one));
  const byEmail = await emailHolders(pool, store, cycleId, others, attributesOf);
  return batch.map((one) => ({ ...one, existing: found.get(one) ?? byEmail.get(one) }));
}

function attributesOf({ decision }: Foreseen): UserAttributes {
  return 'attributes' in decision ? decision.attributes : {};
}
