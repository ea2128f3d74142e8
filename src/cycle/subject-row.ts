/** A user of the mirror beside its link, as rows of Postgres have them, for the pure decisions of plan/. */
import { type AttributePath, userAttributes } from '../mapping/maptician-user.ts';
import { sourceUser } from '../mapping/source-user.ts';
import type { Subject } from '../plan/decide.ts';

/** From `users`, and of `links` what stands for the account; null where there is none. */
export interface SubjectRow {
  id: string;
  attributes: Record<string, unknown>;
  roles: unknown;
  user_name: string | null;
  presence: Subject['presence'];
  in_scope: boolean;
  filtered_out: boolean;
  rejected_removal: Subject['rejectedRemoval'];
  rejected_reason?: string | null;
  maptician_id: string | null;
  active: boolean | null;
  applied: unknown;
  redacted: AttributePath[] | null;
  /** `isGraceOver` of grace-period.ts, where a removal may come of it. */
  grace_over?: boolean;
}

export function toSubject(row: SubjectRow): Subject {
  const source = sourceUser.parse({ ...row.attributes, appRoleAssignments: row.roles, id: row.id });
  const link =
    row.maptician_id === null
      ? null
      : {
          mapticianId: row.maptician_id,
          active: row.active === true,
          applied: userAttributes.parse(row.applied),
          redacted: row.redacted ?? [],
        };
  return {
    id: row.id,
    presence: row.presence,
    inScope: row.in_scope,
    filteredOut: row.filtered_out,
    source,
    link,
    rejectedRemoval: row.rejected_removal,
    rejectedReason: row.rejected_reason,
    graceOver: row.grace_over === true,
  };
}
