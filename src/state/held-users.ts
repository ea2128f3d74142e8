/** Who waits for an operator: the users of a held set, and those whose operation an operator rejected. */
import { z } from 'zod';
import { attributePaths, userAttributes } from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import type { Queryable } from './database.ts';
import { type ModifiedProperty, modifiedProperties } from './provisioning-log.ts';

const kinds = ['create', 'update', 'reactivate', 'yield', 'deactivate', 'delete'] as const;
const paths = z.array(z.enum(attributePaths));

const heldUserRow = z.object({
  entraId: z.guid(),
  userName: z.string().nullable(),
  mapticianId: z.string().nullable(),
  kind: z.enum(kinds),
  reason: z.string().nullable(),
  applied: userAttributes.nullable(),
  appliedRedacted: paths.nullable(),
  attributes: userAttributes,
  redacted: paths,
});

/** One user of a held set. */
export interface HeldUser
  extends Pick<z.infer<typeof heldUserRow>, 'entraId' | 'userName' | 'mapticianId' | 'kind' | 'reason'> {
  /** What would be written, beside what was last applied; values that are shown nowhere are `[Redact]`. */
  readonly changes: readonly ModifiedProperty[];
}

/** A page of a list of users, by object id. */
export interface UserPage<User> {
  readonly users: readonly User[];
  /** The `after` of the next page; undefined where this is the last. */
  readonly next: string | undefined;
}

/**
 * The users that are held in a set, by object id.
 * @param page.after an object id: only users behind it
 */
export async function readHeldUsers(
  db: Queryable,
  { set, after, limit }: { readonly set: number; readonly after?: string | undefined; readonly limit: number },
): Promise<UserPage<HeldUser>> {
  const { rows } = await db.query(
    `select o.entra_id as "entraId", coalesce(u.user_name, l.user_name) as "userName",
       coalesce(l.maptician_id, o.maptician_id) as "mapticianId",
       o.kind, o.reason, l.applied, l.redacted as "appliedRedacted", o.attributes, o.redacted
     from operations o left join users u on u.id = o.entra_id left join links l on l.entra_id = o.entra_id
     where o.state = 'held' and o.set_id = $1${after === undefined ? '' : ' and o.entra_id > $3'} order by o.entra_id limit $2`,
    [set, limit + 1, ...(after === undefined ? [] : [after])],
  );
  return pageOf(
    rows.map((row) => toHeldUser(heldUserRow.parse(row))),
    limit,
  );
}

function toHeldUser(row: z.infer<typeof heldUserRow>): HeldUser {
  const { applied, appliedRedacted, attributes, redacted, ...user } = row;
  const before = redact(applied ?? {}, appliedRedacted ?? []);
  return { ...user, changes: modifiedProperties(before, redact(attributes, redacted)) };
}

const rejectedUserRow = z.object({
  entraId: z.guid(),
  userName: z.string().nullable(),
  /** What was not to be done. */
  kind: z.enum(['deactivate', 'delete']),
  /** Why it was to be; for another reason it is planned anew. */
  reason: z.string().nullable(),
});
export type RejectedUser = z.infer<typeof rejectedUserRow>;

/** Whose removal an operator rejected, by object id: their accounts stay. */
export async function readRejectedUsers(
  db: Queryable,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<UserPage<RejectedUser>> {
  const { rows } = await db.query(
    `select u.id as "entraId", coalesce(u.user_name, l.user_name) as "userName",
       u.rejected_removal as kind, u.rejected_reason as reason
     from users u left join links l on l.entra_id = u.id
     where u.rejected_removal is not null${after === undefined ? '' : ' and u.id > $2'} order by u.id limit $1`,
    [limit + 1, ...(after === undefined ? [] : [after])],
  );
  return pageOf(
    rows.map((row) => rejectedUserRow.parse(row)),
    limit,
  );
}

/** One more than the limit was read, to know whether there is another page. */
function pageOf<User extends { readonly entraId: string }>(found: readonly User[], limit: number): UserPage<User> {
  const users = found.slice(0, limit);
  return { users, next: found.length > limit ? users.at(-1)?.entraId : undefined };
}

/** What is approved and waits for the next cycle: users by what is to be done to them. */
export async function readApproved(db: Queryable): Promise<Readonly<Record<string, number>>> {
  const { rows } = await db.query<{ kind: string; users: number }>(
    `select kind, count(*) as users from operations where state = 'approved' group by kind order by kind`,
  );
  return Object.fromEntries(rows.map(({ kind, users }) => [kind, users]));
}
