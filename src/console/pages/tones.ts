/** How states look. */
import type { CycleState } from '../../state/cycles.ts';
import type { LogStatus } from '../../state/provisioning-log.ts';
import type { Standing } from '../../state/standing.ts';
import type { Tone } from '../components.ts';

export const stateTones: Readonly<Record<Standing['state'], Tone>> = {
  'never run': 'calm',
  running: 'busy',
  paused: 'warn',
  disabled: 'bad',
  quarantined: 'bad',
  interrupted: 'warn',
  stopped: 'bad',
  held: 'warn',
  failing: 'warn',
  healthy: 'good',
};

export const cycleTones: Readonly<Record<CycleState, Tone>> = {
  running: 'busy',
  succeeded: 'good',
  partial: 'warn',
  failed: 'bad',
  interrupted: 'calm',
};

export const logTones: Readonly<Record<LogStatus, Tone>> = {
  success: 'good',
  failure: 'bad',
  skipped: 'calm',
  warning: 'warn',
};
