/** How the emulator behaves where the service's documentation leaves room; changeable while it runs. */
import { z } from 'zod';

const share = z.number().min(0).max(1);
const milliseconds = z.number().min(0);

export const behaviourSchema = z.object({
  /** Users in a page of users/delta. */
  userPageSize: z.int().min(1).default(200),
  /** Members in a page of groups/delta; a larger group is split over pages. */
  memberPageSize: z.int().min(1).default(200),
  /** Items in a page of a list without `$top`. */
  listPageSize: z.int().min(1).max(999).default(100),
  /** Probability that a user of a delta round is told twice, an older state first where there is one. */
  duplicates: share.default(0),
  /** A delta round begins this many changes before the place its link names. */
  replay: z.int().min(0).default(0),
  /** A first round also tells of soft-deleted users, and of members that have left. */
  removedInFirstRound: z.boolean().default(false),
  /** Probability that a page of a delta round is empty and only leads on. */
  emptyPages: share.default(0),
  /** A delta round ends with an empty page. */
  emptyLastPage: z.boolean().default(false),
  /** Entries of a page, and answers of a batch, come in any order. */
  shuffle: z.boolean().default(false),
  /** How long a change stays unknown to delta. */
  deltaLag: milliseconds.default(0),
  /** How long a new assignment is not listed, and a withdrawn one still is, by appRoleAssignedTo. */
  assignmentLag: milliseconds.default(0),
  /** How long a new user is not found by id. */
  readLag: milliseconds.default(0),
  /** How long a page token and a delta token are good. */
  tokenLifetime: milliseconds.default(7 * 24 * 60 * 60 * 1000),
  /** appRoleAssignedTo with `$top=999` leaves out its next link. */
  assignmentCap: z.boolean().default(false),
  /** Whether groups/delta tells of a member that was deleted for good. */
  reportPurgedMembers: z.boolean().default(true),
  /** Resource units in ten seconds; null for as many as wanted, absent for the documented limit of the tenant's size. */
  resourceUnitLimit: z.int().min(1).nullable().optional(),
});

export type Behaviour = z.infer<typeof behaviourSchema>;
