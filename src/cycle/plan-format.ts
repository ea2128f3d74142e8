/**
 * A saved plan: lines of JSON. First a header, then one line an operation, and at the end a line with a checksum over all
 * of it, so that a file that was cut off or changed is not taken for a plan. It holds personal data: only its owner reads it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { attributePaths } from '../mapping/maptician-user.ts';
import { limitedKinds } from '../plan/removal-guard.ts';
import { changesJson, changingActions, type PlannedOperation } from './planned-operation.ts';

export const format = 'maptician-sync plan';
export const version = 1;

export const header = z.object({
  format: z.literal(format),
  version: z.literal(version),
  /** When it was made. */
  createdAt: z.iso.datetime(),
  /** Which state database it was made with; see `installationOf`. */
  installation: z.string(),
  /** The user store whose accounts it speaks of. */
  userStore: z.string(),
  /** Of attribute table, scoping filters and the settings that decide. */
  fingerprint: z.string(),
  /** The kinds that were about to be held for an operator. */
  waits: z.array(z.enum(limitedKinds)).readonly(),
  /** Operations by action. */
  counts: z.partialRecord(z.enum(changingActions), z.number()),
});
export type PlanHeader = z.infer<typeof header>;

const value = z.union([z.string(), z.boolean(), z.null()]);
export const line = z.object({
  /** The Entra object id. */
  id: z.uuid(),
  action: z.enum(changingActions),
  /** It waited for an operator already. */
  held: z.boolean(),
  /** Of what is written to which account. */
  hash: z.string().regex(/^[0-9a-f]{32}$/),
  /** For people, as the next two are; what is shown nowhere is masked. */
  userName: z.string().nullable(),
  reason: z.string(),
  changes: z.array(z.object({ attribute: z.enum(attributePaths), old: value, new: value })),
});
export type PlanLine = z.infer<typeof line>;

export const trailer = z.object({ operations: z.number(), sha256: z.string() });

/** Which state database a plan was made with, without telling its id, which is a key. */
export function installationOf(instance: string): string {
  return createHash('sha256').update(instance).digest('hex').slice(0, 16);
}

export function toLine({ id, action, held, userName, reason, changes }: PlannedOperation, hash: string): PlanLine {
  return line.parse({
    id,
    action,
    held,
    hash,
    userName,
    reason,
    changes: changesJson(changes),
  });
}

/** Of the whole file: of its first line, and of the checksum of the lines of its operations. */
export function checksum(firstLine: string, body: string): string {
  return createHash('sha256').update(firstLine).update(body).digest('hex');
}
