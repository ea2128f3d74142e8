/** How the states of users are called and how they look. */
import type { ListedUser, UserState } from '../../state/user-list.ts';
import { type Markup, pill, type Tone } from '../components.ts';

/** The filters of the list, in the order in which they stand there. */
export const stateNames: Readonly<Record<UserState, string>> = {
  'in-scope': 'In scope',
  active: 'Active',
  inactive: 'Inactive',
  failed: 'Failed',
  held: 'Held',
  waiting: 'Waiting',
  rejected: 'Removal rejected',
  'out-of-scope': 'Not in scope',
};

const looks: Readonly<Record<ListedUser['state'], readonly [Tone, string]>> = {
  active: ['good', 'active'],
  inactive: ['calm', 'inactive'],
  failed: ['bad', 'failed'],
  held: ['warn', 'held'],
  waiting: ['busy', 'waiting'],
  rejected: ['warn', 'removal rejected'],
  'out-of-scope': ['calm', 'not in scope'],
  'no account': ['calm', 'no account'],
};

export function statePill(state: ListedUser['state']): Markup {
  return pill(...looks[state]);
}
