/**
 * What `test-connection` found out about a Tenant URL, kept in the state database, and the dialect that follows. A service
 * provider says little of itself that can be relied on, so it is tried out instead of guessed.
 */
import { z } from 'zod';
import type { Queryable } from '../../state/database.ts';
import { shapes } from './operation-shapes.ts';
import { type Dialect, dialects } from './patch.ts';

const profileSchema = z.object({
  /** Of another Tenant URL it says nothing. */
  store: z.string(),
  probedAt: z.string(),
  dialect: z.enum(dialects),
  /** Whether values are found by `emails[type eq "work"]`, or whole arrays are to be written. */
  typedPaths: z.boolean(),
  /** Shapes of operations that were seen to work. */
  shapes: z.array(z.enum(shapes)),
  /** `ignored`: whatever is asked, everyone is answered; users are found by reading all of them. */
  filter: z.enum(['works', 'caseSensitive', 'ignored']),
  /** Users on one page, where the server was seen to limit them. */
  pageSize: z.number().int().positive().optional(),
});

export type ScimProfile = z.infer<typeof profileSchema>;

const factName = 'scim_profile';

/** What was found out about this store; undefined where it was never tried, or by a version that kept something else. */
export async function readProfile(db: Queryable, store: string): Promise<ScimProfile | undefined> {
  const { rows } = await db.query<{ value: string }>('select value from facts where name = $1', [factName]);
  const parsed = z.preprocess(parseJson, profileSchema).safeParse(rows[0]?.value);
  return parsed.success && parsed.data.store === store ? parsed.data : undefined;
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

export async function writeProfile(db: Queryable, profile: ScimProfile): Promise<void> {
  await db.query(
    'insert into facts (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
    [factName, JSON.stringify(profile)],
  );
}

/** Microsoft's names for its two dialects, appended to a Tenant URL in Entra; they are for the client alone. */
const flags: Readonly<Record<string, Dialect>> = { aadoptscim062020: 'compliant', azureadscimpatch2017: 'classic' };

/**
 * Takes Microsoft's dialect flags off a Tenant URL, so that one copied from Entra can be used as it is
 * (https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility).
 * `store` is which accounts they are: what is left of its query may name the tenant.
 */
export function parseTenantUrl(text: string): { url: string; store: string; flag: Dialect | undefined } {
  const url = new URL(text);
  let flag: Dialect | undefined;
  for (const name of [...url.searchParams.keys()]) {
    const dialect = flags[name.toLowerCase()];
    if (dialect === undefined) continue;
    flag = dialect;
    url.searchParams.delete(name);
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return { url: url.href, store: `${url.host}${url.pathname}${url.search}`, flag };
}
