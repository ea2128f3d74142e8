/**
 * Names that change hands. One live Entra user owns a userName; whoever is soft-deleted or out of scope yields it.
 * Pure: given who holds a name in Maptician and who else claims it, what the newcomer may do now.
 */

/** A linked account that has the name in Maptician, and what its Entra user is. */
export interface Holder {
  readonly entraId: string;
  readonly mapticianId: string;
  /** Live and in scope: it keeps its account. */
  readonly entitled: boolean;
  /** Entitled, but disabled in Entra: its changes do not flow. */
  readonly disabled: boolean;
  readonly purged: boolean;
  /** The name it wants now, or null. */
  readonly wantedName: string | null;
  /** An operation of its own is under way or held. */
  readonly busy: boolean;
}

/** A live user in scope that is to have the name, too. */
export interface Rival {
  readonly entraId: string;
  readonly userPrincipalName: string;
}

export type NameDecision =
  | { readonly kind: 'free' }
  /** The account passes to the newcomer. */
  | { readonly kind: 'takeover'; readonly holder: Holder }
  /** The holder's account is renamed out of the way first; the newcomer waits for it. */
  | { readonly kind: 'yield'; readonly holder: Holder }
  /** The holder is about to give the name up by itself. */
  | { readonly kind: 'wait'; readonly holder: Holder }
  | { readonly kind: 'duplicate'; readonly others: readonly string[] };

/** Names are compared without case. */
export function sameName(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && one.toLowerCase() === other.toLowerCase();
}

/** What user `id`, who wants `name`, may do; `linked` when it has an account already. */
export function resolveName(
  user: { readonly id: string; readonly name: string; readonly linked: boolean },
  holders: readonly Holder[],
  rivals: readonly Rival[],
): NameDecision {
  const others = rivals.filter((rival) => rival.entraId !== user.id);
  if (others.length > 0) {
    return { kind: 'duplicate', others: others.map((rival) => `${rival.userPrincipalName} (${rival.entraId})`) };
  }
  const holder = holders.find((candidate) => candidate.entraId !== user.id);
  if (holder === undefined) return { kind: 'free' };
  if (holder.entitled && sameName(holder.wantedName, user.name)) {
    return { kind: 'duplicate', others: [`${holder.wantedName} (${holder.entraId})`] };
  }
  if (holder.busy || holder.purged || (holder.entitled && !holder.disabled)) return { kind: 'wait', holder };
  if (holder.entitled || user.linked) return { kind: 'yield', holder };
  return { kind: 'takeover', holder };
}

/**
 * The name an account gets when it yields its own: the object id, without dashes, before the old name, as Entra itself
 * renames the soft-deleted. Unique, and still telling whose it was.
 */
export function yieldedName(entraId: string, name: string): string {
  const prefix = entraId.replaceAll('-', '');
  return name.startsWith(prefix) ? name : `${prefix}${name}`;
}
