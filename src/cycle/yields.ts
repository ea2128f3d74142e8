/** Accounts that give a value up, so that somebody else can have it. */
import type { UserAttributes } from '../mapping/maptician-user.ts';
import { type Holder, yieldedName } from '../plan/names.ts';
import { payloadHash } from '../plan/payload.ts';
import type { Queryable } from '../state/database.ts';
import { insertOperations, type OperationRow, type Permits, type WrittenOperation } from './plan-pass.ts';
import type { Planned, Waiting } from './planned-users.ts';
import { type SubjectRow, toSubject } from './subject-row.ts';

/** An account that is to give a value up. */
export interface Yielding {
  readonly holder: Holder;
  readonly attribute: Waiting['attribute'];
}

/** What is done to it, beside what is decided about its own user. */
export interface Yield {
  readonly kind: 'yield';
  readonly attributes: UserAttributes;
  readonly reason: string;
}

/** A name is replaced by one that still tells whose it was; an e-mail is taken away. */
function yieldOf({ holder, attribute }: Yielding): Yield {
  return attribute === 'userName'
    ? {
        kind: 'yield',
        attributes: { userName: yieldedName(holder.entraId, holder.wantedName ?? holder.entraId) },
        reason: 'yields its userName to the Entra user who has it now',
      }
    : {
        kind: 'yield',
        attributes: { [attribute]: null },
        reason: 'yields its work e-mail to the Entra user who has it now',
      };
}

/** Whose account Maptician has already refused to change so: it is not asked again before its retry. By object id. */
export async function refusedYields(db: Queryable, yields: readonly Yielding[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ entra_id: string; payload: string }>(
    `select entra_id, payload from escrow
     where entra_id = any($1) and payload is not null and (next_retry_at is null or next_retry_at > now())`,
    [yields.map(({ holder }) => holder.entraId)],
  );
  const refused = new Map(rows.map((row) => [row.entra_id, row.payload]));
  const isRefused = (yielding: Yielding) => {
    const { kind, attributes } = yieldOf(yielding);
    const { entraId, mapticianId: account } = yielding.holder;
    return refused.get(entraId) === payloadHash({ kind, account, attributes });
  };
  return new Set(yields.filter(isRefused).map(({ holder }) => holder.entraId));
}

/** Has accounts give up what other users wait for; resolves with the operations written. `permits` as of a pass. */
export async function writeYields(
  db: Queryable,
  cycleId: number,
  yields: readonly Yielding[],
  permits?: Permits,
): Promise<WrittenOperation[]> {
  if (yields.length === 0) return [];
  const refused = await refusedYields(db, yields);
  const left = yields.filter(({ holder }) => !refused.has(holder.entraId));
  const wanted = left.map((yielding) => {
    const { kind, attributes } = yieldOf(yielding);
    return { entraId: yielding.holder.entraId, payload: { kind, account: yielding.holder.mapticianId, attributes } };
  });
  const may = await permits?.(db, wanted);
  const operations = left
    .filter(({ holder }) => may === undefined || may.has(holder.entraId))
    .map(
      (yielding): OperationRow => ({
        entra_id: yielding.holder.entraId,
        maptician_id: yielding.holder.mapticianId,
        ...yieldOf(yielding),
        redacted: [],
        flow_rules: {},
        state: 'open',
        set_id: null,
        contested: 0,
      }),
    );
  return insertOperations(db, cycleId, operations);
}

type PlannedYield = Omit<Planned, 'decision'> & { readonly decision: Yield };

/** The same for the dry run: the accounts that are renamed out of the way. */
export async function foreseeYields(db: Queryable, holders: readonly Holder[]): Promise<PlannedYield[]> {
  const { rows } = await db.query<SubjectRow & { linked_name: string }>(
    `select l.entra_id as id, coalesce(u.attributes, '{}') as attributes, coalesce(u.roles, '[]') as roles, u.user_name,
       coalesce(u.presence, 'purged') as presence, coalesce(u.in_scope, false) as in_scope,
       coalesce(u.filtered_out, false) as filtered_out, null as rejected_removal,
       l.maptician_id, l.user_name as linked_name, l.active, l.applied, l.redacted
     from links l left join users u on u.id = l.entra_id where l.entra_id = any($1)`,
    [holders.map(({ entraId }) => entraId)],
  );
  const byId = new Map(holders.map((holder) => [holder.entraId, holder]));
  return rows.flatMap((row): PlannedYield[] => {
    const holder = byId.get(row.id);
    if (holder === undefined) return [];
    return [
      {
        subject: toSubject(row),
        userName: row.user_name,
        linkedName: row.linked_name,
        decision: yieldOf({ holder, attribute: 'userName' }),
        takeover: undefined,
        operationState: null,
        answer: null,
        contested: 0,
        mark: null,
        refused: undefined,
      },
    ];
  });
}
