/**
 * The waves of a cycle, for names that change hands: whoever waits for one is planned again when those before have moved.
 * Pure: the rule by which accounts yield, and what comes of all waves where every operation succeeds.
 */
import { type Holder, resolveName, yieldedName } from './names.ts';

/** From this wave on, whoever stands in another's way is renamed out of it, so that a long chain needs no more waves. */
const patientWaves = 2;
/** More than names that change hands need; what is left then goes on in the next cycle. */
export const wavesAtMost = 8;

interface Waits {
  readonly id: string;
  readonly waiting: { readonly holder: Holder; readonly yields: boolean };
}

/**
 * Those who wait for an account that is to give its value up in this wave: it has no other use for it, or everybody waits
 * for somebody who waits (a swap), or a chain is long and it stands in another's way.
 * @param operations how many the wave has beside them
 */
export function thoseYieldedTo<Waiter extends Waits>(
  pass: { readonly operations: number; readonly waiting: readonly Waiter[] },
  wave: number,
): Waiter[] {
  const stuck = pass.operations === 0 || wave > patientWaves;
  const ids = new Set(pass.waiting.map(({ id }) => id));
  return pass.waiting.filter(({ waiting: { yields, holder } }) => yields || (stuck && ids.has(holder.entraId)));
}

/** Somebody who waits for a userName after the first wave. */
export interface NameWaiter extends Waits {
  /** The name it is to have. */
  readonly name: string;
  /** It has an account already. */
  readonly linked: boolean;
}

/** What the first wave does to an account whose name somebody waits for. */
export type Fate =
  /** It is renamed or deleted. */
  | 'frees'
  | 'deactivated'
  /** Its operation is held. */
  | 'held'
  /** It may not be renamed out of the way either: Maptician has refused that. */
  | 'stays';

export interface ForeseenWaves {
  /** Who gets the name, by object id; with the holder whose account passes to them. Whoever is not here does not. */
  readonly gets: ReadonlyMap<string, { readonly takeover: Holder | undefined }>;
  /** The accounts that are renamed out of the way, with the name they get. */
  readonly yields: readonly { readonly holder: Holder; readonly name: string }[];
}

/**
 * What the waves of a cycle make of those who wait after planning the first.
 * @param options.operations how many the first wave has
 * @param options.fates of the holders who do not wait themselves; without one nothing happens to the account
 */
export function foreseeWaves(
  waiters: readonly NameWaiter[],
  options: { readonly operations: number; readonly fates: ReadonlyMap<string, Fate> },
): ForeseenWaves {
  const { fates } = options;
  const gets = new Map<string, { takeover: Holder | undefined }>();
  const yields: { holder: Holder; name: string }[] = [];
  const freed = new Set<string>();
  let waiting = waiters;
  let { operations } = options;
  for (let wave = 1; waiting.length > 0; wave++) {
    const out = thoseYieldedTo({ operations, waiting }, wave).filter(({ waiting: { holder } }) => {
      const fate = fates.get(holder.entraId);
      // An account with an operation of its own has that first; one that is held for ever.
      return fate === undefined || (fate === 'deactivated' && wave > 1);
    });
    for (const {
      waiting: { holder },
    } of out) {
      if (freed.has(holder.entraId)) continue;
      freed.add(holder.entraId);
      yields.push({ holder, name: yieldedName(holder.entraId, holder.wantedName ?? holder.entraId) });
    }
    if ((operations === 0 && out.length === 0) || wave === wavesAtMost) break;
    if (wave === 1) for (const [id, fate] of fates) if (fate === 'frees') freed.add(id);
    const moved: string[] = [];
    const left: NameWaiter[] = [];
    operations = 0;
    for (const waiter of waiting) {
      const { holder } = waiter.waiting;
      const busy = fates.get(holder.entraId) === 'held';
      const next = resolveName(waiter, freed.has(holder.entraId) ? [] : [{ ...holder, busy }], []);
      if (next.kind === 'free' || next.kind === 'takeover') {
        gets.set(waiter.id, { takeover: next.kind === 'takeover' ? holder : undefined });
        moved.push(waiter.id);
        operations += 1;
      } else left.push({ ...waiter, waiting: { holder, yields: next.kind === 'yield' } });
    }
    // Only now: what moves in a wave is out of the way in the next.
    for (const id of moved) freed.add(id);
    waiting = left;
  }
  return { gets, yields };
}
