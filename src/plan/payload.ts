/** What an operation would send, as a fingerprint: what was refused once is known again, without keeping its values. */
import { createHash } from 'node:crypto';
import type { UserAttributes } from '../mapping/maptician-user.ts';
import type { OperationKind } from './decide.ts';

/** An operation as far as Maptician sees it. */
export interface Payload {
  readonly kind: OperationKind;
  /** The Maptician account it is for; null where one is to be created. */
  readonly account: string | null;
  readonly attributes: UserAttributes;
}

/** 32 hex digits of a SHA-256, the same whatever the order of the attributes; an attribute that is null is not one that is absent. */
export function payloadHash({ kind, account, attributes }: Payload): string {
  const sorted = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([kind, account, sorted]))
    .digest('hex')
    .slice(0, 32);
}
