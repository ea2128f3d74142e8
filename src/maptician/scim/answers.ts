/** What answers about users have in common. */
import { errorHandling, SyncError, toSyncError } from '../../errors.ts';
import { parseScimPath, readPath } from '../../mapping/scim-path.ts';
import type { ScimAnswer } from './scim-client.ts';
import { idOf } from './user-resource.ts';

export const pathOf = (id: string) => `/Users/${encodeURIComponent(id)}`;

export function isSuccess({ status }: ScimAnswer): boolean {
  return status >= 200 && status < 300;
}

const locationPath = parseScimPath('meta.location');

/** The id of the account that was made: its own, else the one in Location or `meta.location` (RFC 7644 section 3.3). */
export function createdId({ body, ...headers }: ScimAnswer): string | undefined {
  const own = idOf(body);
  if (own !== undefined) return own;
  const location = headers.location ?? String(readPath(body, locationPath) ?? '');
  const [, segment = ''] = /(?:^|\/)Users\/([^/]+)\/?$/i.exec(location.replace(/[?#].*$/s, '')) ?? [];
  try {
    return decodeURIComponent(segment) || undefined;
  } catch {
    return undefined;
  }
}

/** The endpoint itself is unknown: that is no answer about a user. */
export function noEndpoint(answer: ScimAnswer): SyncError {
  return new SyncError(
    'Misconfigured',
    'The Tenant URL (MAPTICIAN_TENANT_URL) has no /Users: it should end in something like /scim/v2',
    { httpStatus: answer.status },
  );
}

/** A filter by one value (RFC 7644 section 3.4.2.2): values are written as JSON has them. */
export function equals(attribute: string, value: string): string {
  return `${attribute} eq ${JSON.stringify(value)}`;
}

/** Requests under way at once, in look-ups of many. */
const together = 10;

export async function inGroups<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += together) {
    results.push(...(await Promise.all(items.slice(start, start + together).map(work))));
  }
  return results;
}

/** Whether the server refused a request that concerns no user, and will refuse it again. */
export function isRefusal(thrown: unknown): boolean {
  const { code, httpStatus = 0 } = toSyncError(thrown);
  return !errorHandling(code).stopsCycle && ((httpStatus >= 400 && httpStatus < 500) || httpStatus === 501);
}
