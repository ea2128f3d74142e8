/** The resources of the API that several routes answer with. */
import { z } from '@hono/zod-openapi';
import { attributePaths } from '../../mapping/maptician-user.ts';
import { userStates } from '../../state/user-list.ts';
import { moment } from './openapi.ts';

/** Entries of one page. */
export const limit = z.coerce.number().int().min(1).max(1000).default(100);
/** An object id in Entra. */
export const objectId = z.guid();
/** Of an answer. */
export const httpStatus = z.number().int().min(100).max(999);
/** Of a page that goes by numbers: the `next` of the page before. */
export const before = z.coerce.number().int().positive().optional();

const value = z.union([z.string(), z.boolean(), z.null()]);
const count = z.number();

export const modifiedProperty = z
  .object({ displayName: z.string(), oldValue: value, newValue: value })
  .openapi('modifiedProperty');

export const cycle = z
  .object({
    id: z.number(),
    kind: z.enum(['initial', 'incremental', 'on_demand']),
    trigger: z.string(),
    state: z.enum(['running', 'succeeded', 'partial', 'failed', 'interrupted']),
    phase: z.string(),
    startedAt: moment,
    endedAt: moment.nullable(),
    counts: z
      .object({
        created: count,
        updated: count,
        deactivated: count,
        reactivated: count,
        deleted: count,
        skipped: count,
        failed: count,
        held: count,
      })
      .nullable(),
    warnings: z.array(z.string()),
    stopCode: z.string().nullable(),
    stopMessage: z.string().nullable(),
    stopDetail: z.string().nullable(),
  })
  .openapi('cycle');

export const progress = z
  .object({
    phase: z.string(),
    done: count.nullable(),
    total: count.nullable().openapi({ description: 'Null while a list is still being read.' }),
    at: moment.nullable(),
  })
  .openapi('progress');

export const heldSet = z
  .object({
    set: z.number(),
    heldAt: moment.nullable(),
    expiresAt: moment.nullable(),
    reason: z.string().nullable(),
    stops: z.boolean().openapi({ description: 'Nothing else is carried out either until it is answered.' }),
    kinds: z.record(z.string(), count).openapi({ description: 'Users by what is to be done to them.' }),
    removals: count,
  })
  .openapi('heldSet');

export const driftCheck = z
  .object({
    action: z.enum(['report', 'repair']),
    startedAt: moment,
    endedAt: moment,
    counts: z
      .object({
        drift: z.record(z.string(), count),
        accounts: z.object({ assigned: count, unassigned: count, unassignedActive: count, local: count }),
      })
      .nullable(),
    stopCode: z.string().nullable(),
    stopMessage: z.string().nullable(),
  })
  .openapi('driftCheck');

const failure = z.object({
  code: z.string(),
  httpStatus: z.number().nullable(),
  reason: z.string(),
  attempts: count,
  firstFailedAt: moment,
  lastFailedAt: moment,
  nextRetryAt: moment.nullable(),
});

export const listedUser = z
  .object({
    id: objectId,
    userName: z.string().nullable(),
    displayName: z.string().nullable(),
    mapticianId: z.string().nullable(),
    account: z.enum(['active', 'inactive']).nullable(),
    inScope: z.boolean(),
    state: z.enum([...userStates, 'no account']),
    operation: z.object({ kind: z.string(), state: z.string(), set: z.number().nullable() }).nullable(),
    failure: failure.nullable(),
    updatedAt: moment.nullable(),
  })
  .openapi('user');

/** What `why` finds out. */
export const userDetail = z
  .object({
    id: objectId,
    userName: z.string().nullable(),
    scope: z.object({
      presence: z.enum(['live', 'soft_deleted', 'purged']),
      enabled: z.boolean().nullable(),
      assigned: z.boolean(),
      passesFilters: z.boolean(),
      inScope: z.boolean(),
      clauses: z.array(z.object({ clause: z.string(), passed: z.boolean() })),
    }),
    scopeSentence: z.string(),
    assignedThrough: z.array(
      z.object({ via: z.enum(['direct', 'group']), id: z.string().optional(), name: z.string().nullish() }),
    ),
    standing: z.object({
      needsRead: z.boolean(),
      marked: z.boolean(),
      rejectedRemoval: z.enum(['deactivate', 'delete']).nullable(),
      operation: z
        .object({ kind: z.string(), state: z.string(), cycleId: z.number(), set: z.number().nullable() })
        .nullable(),
      failure: failure.extend({ waitsFor: z.string().nullable() }).nullable(),
    }),
    decision: z
      .object({ kind: z.string(), reason: z.string().nullable() })
      .nullable()
      .openapi({ description: 'What a cycle would decide now; null while something is under way.' }),
    comparison: z.object({
      linked: z.string().nullable(),
      account: z.enum(['there', 'missing', 'unread']),
      problem: z.string().nullable(),
      matching: z.array(z.string()),
      unmapped: z.string().nullable(),
      attributes: z.array(
        z.object({
          attribute: z.enum(attributePaths),
          wanted: value,
          applied: value,
          maptician: value,
          difference: z.enum(['to write', 'changed in Maptician', 'kept by Maptician']).nullable(),
        }),
      ),
    }),
    next: z.string().openapi({ description: 'What happens next, in one sentence.' }),
  })
  .openapi('userDetail');
