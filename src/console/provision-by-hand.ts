/**
 * Provisioning on demand from the pages and the API: a few at a time in this process, since each needs connections of the state
 * database and of Maptician that the cycles need, too.
 */
import type { ProvisionOptions, ProvisionResult } from '../cycle/provision.ts';
import { provision } from '../levers.ts';
import { actorOf, type ConsoleContext, type Viewer } from './context.ts';
import { openTurns, type Turns } from './provision-turns.ts';

/** Seconds; most take less. */
const comeAgainAfter = 10;

export function openProvisionTurns(): Turns {
  return openTurns({
    running: 4,
    waiting: 20,
    comeAgainAfter,
    refusal: `Too many users are being provisioned by hand at this moment. Try again in ${comeAgainAfter} seconds.`,
  });
}

export interface ByHand extends Pick<ProvisionOptions, 'dryRun' | 'onStep'> {
  readonly user: string;
  readonly viewer: Viewer;
  readonly signal: AbortSignal;
  /** Told where others come first. */
  readonly onWait?: () => void;
}

/** Provisions one user when it is their turn. Rejects with status 429 where too many wait already. */
export function provisionByHand(
  { service, turns, running }: Pick<ConsoleContext, 'service' | 'turns' | 'running'>,
  { user, viewer, signal, onWait, ...options }: ByHand,
): Promise<ProvisionResult> {
  const work = () => {
    const result = provision(service.provisionContext(), [user], { ...options, signal }, actorOf(viewer));
    // It goes on for a moment when whoever asked has gone.
    running.add(result);
    return result;
  };
  return turns.take(work, { signal, ...(onWait && { onWait }) });
}
