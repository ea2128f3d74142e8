/** The levers of one user that several pages have; what takes access away is explained before it is pulled. */
import { type Lever, lever, type Markup } from '../components.ts';

/** @param kind what a cycle would do now, where it is known */
export function provisionNow(id: string, kind: string | null | undefined): Markup {
  const removes = kind === 'deactivate' || kind === 'delete';
  return lever({
    action: `/users/${id}/provision`,
    label: 'Provision now',
    fields: { mode: 'now' },
    tone: removes ? 'danger' : 'primary',
    ...(removes && {
      explain: `This user is to lose access: the account is ${kind === 'delete' ? 'deleted' : 'deactivated'} at once. Limits on removals do not hold it back, since you name the user.`,
    }),
  });
}

/** Takes the rejection of a removal back. */
export function removeAfterAll(kind: string, form: Pick<Lever, 'action' | 'fields'>): Markup {
  return lever({
    ...form,
    label: 'Remove after all',
    tone: 'danger',
    explain: `The rejection is taken back: the next cycle decides anew whether to ${kind} the account.`,
  });
}
