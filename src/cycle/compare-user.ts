/** One user as it is wanted, as it was last applied, and as Maptician has it now, attribute by attribute. */
import { z } from 'zod';
import { SyncError, toSyncError } from '../errors.ts';
import { inTime } from '../in-time.ts';
import { matchingAttributes } from '../mapping/attribute-table.ts';
import { changedAttributes, type MappedUser, mapUser } from '../mapping/map-user.ts';
import {
  type AttributePath,
  type AttributeValue,
  attributePaths,
  type UserAttributes,
  userAttributes,
} from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import { type SourceUser, sourceUser } from '../mapping/source-user.ts';
import { matchAccounts } from '../maptician/match-accounts.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { Queryable } from '../state/database.ts';
import { noCycle } from './preview-user.ts';

interface ComparedAttribute {
  readonly attribute: AttributePath;
  readonly wanted: AttributeValue;
  readonly applied: AttributeValue;
  readonly maptician: AttributeValue;
  /**
   * - `to write`: what is wanted has not been applied yet;
   * - `changed in Maptician`: it has another value there than it was given;
   * - `kept by Maptician`: it is known to hold another value than it was given.
   */
  readonly difference: 'to write' | 'changed in Maptician' | 'kept by Maptician' | null;
}

export interface Comparison {
  /** The account the user is linked to. */
  readonly linked: string | null;
  /** `missing`: Maptician does not have it. `unread`: it could not be asked; `problem` says why. */
  readonly account: 'there' | 'missing' | 'unread';
  readonly problem: string | null;
  /** Of a user without a link: the accounts in Maptician that would be adopted, or stand in the way. */
  readonly matching: readonly string[];
  /** Why nothing can be wanted of the user: a required value is missing, an expression has no value. */
  readonly unmapped: string | null;
  readonly attributes: readonly ComparedAttribute[];
}

const row = z.object({
  attributes: z.record(z.string(), z.unknown()),
  roles: z.unknown(),
  user_name: z.string().nullable(),
  linked: z.string().nullable(),
  applied: userAttributes,
  kept: userAttributes,
  redacted: z.array(z.enum(attributePaths)),
});

interface CompareContext {
  readonly pool: Queryable;
  readonly rules: PlanRules;
  readonly openStore: () => Promise<UserStore>;
}

interface CompareOptions {
  readonly inScope: boolean;
  /** Milliseconds for which Maptician is waited for. */
  readonly within?: number | undefined;
}

export async function compareUser(
  context: CompareContext,
  id: string,
  { inScope, within }: CompareOptions,
): Promise<Comparison> {
  const { rows } = await context.pool.query(
    `select u.attributes, u.roles, u.user_name, l.maptician_id as linked, coalesce(l.applied, '{}') as applied,
       coalesce(l.kept, '{}') as kept, coalesce(l.redacted, '{}') as redacted
     from users u left join links l on l.entra_id = u.id where u.id = $1`,
    [id],
  );
  const known = row.parse(rows[0]);
  const source = sourceUser.parse({ ...known.attributes, appRoleAssignments: known.roles, id });
  const { wanted, unmapped } = wantedOf(context.rules, source, { inScope, linked: known.linked !== null });
  // Who is to have no account may have one by that name all the same.
  const named = inScope ? wanted.attributes : { userName: known.user_name };
  const { stored, ...account } = await readInTime(readAccount(context, known.linked, named), within);
  const changes = changedAttributes(wanted.attributes, known.applied, {
    flowNulls: context.rules.flowNulls,
    rules: wanted.rules,
  });
  const hidden = [...wanted.redacted, ...known.redacted];
  const [shownWanted, shownApplied, shownStored] = [wanted.attributes, known.applied, stored?.attributes ?? {}].map(
    (values) => redact(values, hidden),
  );
  const attributes = attributePaths.flatMap((attribute): ComparedAttribute[] => {
    const compared = {
      attribute,
      wanted: shownWanted?.[attribute] ?? null,
      applied: shownApplied?.[attribute] ?? null,
      maptician: shownStored?.[attribute] ?? null,
      difference: differenceOf(attribute, { changes, known, stored }),
    };
    const empty = compared.wanted === null && compared.applied === null && compared.maptician === null;
    return empty ? [] : [compared];
  });
  return { linked: known.linked, ...account, unmapped, attributes };
}

function differenceOf(
  attribute: AttributePath,
  {
    changes,
    known,
    stored,
  }: { readonly changes: UserAttributes; readonly known: z.infer<typeof row>; readonly stored: StoredUser | undefined },
): ComparedAttribute['difference'] {
  const value = stored?.attributes[attribute] ?? null;
  if (stored !== undefined && known.linked !== null && value !== (known.applied[attribute] ?? null)) {
    return known.kept[attribute] === value ? 'kept by Maptician' : 'changed in Maptician';
  }
  return changes[attribute] === undefined ? null : 'to write';
}

const nothingWanted: MappedUser = { attributes: {}, rules: {}, redacted: [] };

function wantedOf(
  { table }: PlanRules,
  source: SourceUser,
  { inScope, linked }: { readonly inScope: boolean; readonly linked: boolean },
): { readonly wanted: MappedUser; readonly unmapped: string | null } {
  if (!inScope) {
    return { wanted: linked ? { ...nothingWanted, attributes: { active: false } } : nothingWanted, unmapped: null };
  }
  try {
    return { wanted: mapUser(table, source, { isSoftDeleted: false }, linked ? 'update' : 'create'), unmapped: null };
  } catch (thrown) {
    if (thrown instanceof SyncError) return { wanted: nothingWanted, unmapped: `${thrown.code}: ${thrown.message}` };
    throw thrown;
  }
}

type Account = Pick<Comparison, 'account' | 'problem' | 'matching'> & { readonly stored: StoredUser | undefined };

/** A user store that cannot be asked is no reason to say nothing. */
async function readInTime(reading: Promise<Account>, within: number | undefined): Promise<Account> {
  try {
    return await (within === undefined
      ? reading
      : inTime(reading, within, () => {
          return new SyncError('Timeout', `Maptician did not answer within ${within / 1000} s`);
        }));
  } catch (thrown) {
    const { code, message } = toSyncError(thrown);
    return { account: 'unread', problem: `${code}: ${message}`, matching: [], stored: undefined };
  }
}

/** Live. */
async function readAccount(
  { openStore, rules }: CompareContext,
  linked: string | null,
  wanted: UserAttributes,
): Promise<Account> {
  const lookUp = { cycleId: noCycle, fresh: true };
  const store = await openStore();
  if (linked !== null) {
    const [stored] = await store.read([linked], lookUp);
    return { account: stored === undefined ? 'missing' : 'there', problem: null, matching: [], stored };
  }
  // Only userName can be searched for over SCIM; for anything else all accounts would have to be listed.
  const matching = store.kind === 'scim' ? (['userName'] as const) : matchingAttributes(rules.table);
  const [match] = (await matchAccounts(store, matching, [wanted], (attributes) => attributes, lookUp)).values();
  const [stored] = match?.users ?? [];
  const ids = match?.users.map(({ id }) => id) ?? [];
  return { account: stored === undefined ? 'missing' : 'there', problem: null, matching: ids, stored };
}
