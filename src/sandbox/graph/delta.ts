/**
 * Delta rounds (https://learn.microsoft.com/graph/delta-query-overview). The first round walks the objects as they are
 * when their page is read; a later one walks the change log from the place its link names and tells each object once,
 * at the first change that counts. Every round ends at the place the log had when it began, so a change made during a
 * round may show in it and shows in the next.
 */
import type { Change, ChangeLog } from '../change-log.ts';
import { badRequest, GraphFault, unsupportedQuery } from './graph-error.ts';
import { type GraphContext, type GraphReply, type GraphRequest, rootOf } from './graph-request.ts';
import type { DeltaToken } from './page-token.ts';
import { filteredIds } from './query.ts';

export interface DeltaView {
  /** The `$select` as given. */
  readonly select: string | null;
  /** Place in the log after which changes count; undefined in the first round. */
  readonly since: number | undefined;
  readonly until: number;
  /** Only the changed properties (`Prefer: return=minimal`). */
  readonly minimal: boolean;
}

export interface DeltaEntry {
  readonly entry: object;
  /** How much of the page it takes. */
  readonly weight: number;
  /** Where the rest of the object goes on, on the next page. */
  readonly next?: number;
}

export interface DeltaSource {
  readonly set: DeltaToken['set'];
  readonly log: ChangeLog;
  readonly pageSize: number;
  /** The objects of the tenant, by position. */
  readonly end: number;
  idAt(position: number): string | undefined;
  /** Whether an object is told in a first round. */
  isTold(id: string): boolean;
  /** Throws a GraphFault when the `$select` names what cannot be tracked; returns it for the `@odata.context`. */
  check(select: string | null): void;
  counts(change: Change, view: DeltaView): boolean;
  /** What is told of an object, from `offset` of its parts, with `room` left on the page. */
  tell(id: string, view: DeltaView, offset: number, room: number): DeltaEntry | undefined;
  /** What a lagging replica would tell of it; undefined when it would tell the same. */
  tellOlder?(id: string, view: DeltaView): object | undefined;
}

/** Answers a delta request: the first one, a page, or a link. */
export function answerDelta(context: GraphContext, request: GraphRequest, source: DeltaSource): GraphReply {
  const token = beginOrContinue(context, request, source);
  const view: DeltaView = {
    select: token.select,
    since: token.phase === 'changes' ? token.since : undefined,
    until: token.until,
    minimal: /return=minimal/i.test(request.headers.prefer ?? '') && token.phase === 'changes',
  };
  const { behaviour, random } = context;
  const first = token.kind === 'page' && !request.query.has('$skiptoken');
  const empty = !token.emptied && !isDone(token, source) && random.chance(behaviour.emptyPages);
  const page = empty
    ? { value: [], state: { ...token, emptied: true }, done: false }
    : readPage(context, source, token, view);
  const leadOn = page.done && behaviour.emptyLastPage && page.value.length > 0;

  const root = rootOf(context, request);
  const suffix = first && token.select ? `${source.set}(${token.select})` : source.set;
  const link = (name: '$skiptoken' | '$deltatoken', next: DeltaToken): string =>
    `${root}/${source.set}/delta?${name}=${context.tokens.seal(next)}`;
  const stamp = { issuedAt: context.tenant.clock.now(), nonce: random.integer(2 ** 31) };
  const links =
    page.done && !leadOn
      ? {
          '@odata.deltaLink': link('$deltatoken', {
            ...page.state,
            ...stamp,
            kind: 'place',
            again: [],
            emptied: false,
          }),
        }
      : { '@odata.nextLink': link('$skiptoken', { ...page.state, ...stamp, kind: 'page' }) };
  return {
    headers: view.minimal ? { 'Preference-Applied': 'return=minimal' } : {},
    body: { '@odata.context': `${root}/$metadata#${suffix}`, ...links, value: page.value },
  };
}

function beginOrContinue(context: GraphContext, request: GraphRequest, source: DeltaSource): DeltaToken {
  const { query } = request;
  for (const name of ['$expand', '$orderby', '$search', '$count']) {
    if (query.has(name)) throw unsupportedQuery(`The query option '${name}' is not supported by delta.`);
  }
  const select = query.get('$select');
  const skipToken = query.get('$skiptoken');
  const deltaToken = query.get('$deltatoken');
  const { log } = source;
  const { behaviour, tenant } = context;
  const visible = behaviour.deltaLag > 0 ? log.headBefore(tenant.clock.now() - behaviour.deltaLag) : log.head;

  if (skipToken !== undefined) {
    if (select !== undefined || query.has('$filter'))
      throw badRequest('$select and $filter cannot be used with $skiptoken.');
    const token = openToken(context, source, skipToken, 'page');
    if (request.gone) throw resetFault(context, request, source, token.select);
    return token;
  }
  if (deltaToken && deltaToken.toLowerCase() !== 'latest') {
    const place = openToken(context, source, deltaToken, 'place');
    if (request.gone) throw resetFault(context, request, source, place.select);
    if (select !== undefined) source.check(select);
    const since = Math.max(0, place.until - behaviour.replay);
    return {
      ...place,
      select: select ?? place.select,
      phase: 'changes',
      position: since,
      offset: 0,
      since,
      until: Math.max(place.until, visible),
    };
  }
  if (request.gone) throw resetFault(context, request, source, select ?? null);
  source.check(select ?? null);
  const ids = filteredIds(query.get('$filter'));
  const latest = deltaToken !== undefined && deltaToken !== '';
  return {
    kind: 'page',
    set: source.set,
    select: select ?? null,
    ids,
    phase: 'initial',
    // `$deltatoken=latest` skips the walk over the objects and only notes the place.
    position: latest ? Number.MAX_SAFE_INTEGER : 0,
    offset: 0,
    since: 0,
    until: visible,
    again: [],
    emptied: false,
    issuedAt: 0,
    nonce: 0,
  };
}

function openToken(context: GraphContext, source: DeltaSource, text: string, kind: DeltaToken['kind']): DeltaToken {
  const token = context.tokens.openDelta(text);
  if (token.kind !== kind || token.set !== source.set) throw badRequest('Badly formed token.');
  return token;
}

/** The service has lost the state behind a token: begin anew where Location says. */
function resetFault(
  context: GraphContext,
  request: GraphRequest,
  source: DeltaSource,
  select: string | null,
): GraphFault {
  const location = `${rootOf(context, request)}/${source.set}/delta?${select ? `$select=${select}&` : ''}$deltatoken=`;
  return new GraphFault(
    410,
    'resyncRequired',
    'The delta token is no longer valid, and the app must reset the sync state.',
    {
      Location: location,
    },
  );
}

const endOf = (token: DeltaToken, source: DeltaSource): number =>
  token.phase === 'changes' ? token.until : (token.ids?.length ?? source.end);

const isDone = (token: DeltaToken, source: DeltaSource): boolean =>
  token.position >= endOf(token, source) && token.again.length === 0;

/** The next object to tell at this position; undefined when there is none. */
function objectAt(source: DeltaSource, token: DeltaToken, view: DeltaView, position: number): string | undefined {
  if (token.phase === 'initial') {
    const id = token.ids ? token.ids[position] : source.idAt(position);
    return id !== undefined && source.isTold(id) ? id : undefined;
  }
  const change = source.log.get(position + 1);
  if (!change || !source.counts(change, view) || (token.ids && !token.ids.includes(change.id))) return undefined;
  for (let earlier = change.previous; earlier > token.since; ) {
    const before = source.log.get(earlier);
    if (!before || source.counts(before, view)) return undefined;
    earlier = before.previous;
  }
  return change.id;
}

function readPage(
  context: GraphContext,
  source: DeltaSource,
  token: DeltaToken,
  view: DeltaView,
): { value: object[]; state: DeltaToken; done: boolean } {
  const { behaviour, random } = context;
  const end = endOf(token, source);
  const repeated = token.again.flatMap((id) => source.tell(id, view, 0, source.pageSize)?.entry ?? []);
  const fresh: object[] = [];
  const again: string[] = [];
  let { position, offset } = token;
  let room = source.pageSize;
  while (position < end && room > 0) {
    const id = objectAt(source, token, view, position);
    const told = id === undefined ? undefined : source.tell(id, view, offset, room);
    if (id !== undefined && told) {
      const twice = source.tellOlder !== undefined && again.length < 10 && random.chance(behaviour.duplicates);
      if (twice) again.push(id);
      fresh.push((twice ? source.tellOlder?.(id, view) : undefined) ?? told.entry);
      room -= told.weight;
      if (told.next !== undefined) {
        offset = told.next;
        break;
      }
    }
    position++;
    offset = 0;
  }
  while (position < end && offset === 0 && objectAt(source, token, view, position) === undefined) position++;

  const done = position >= end;
  const value = [...repeated, ...(behaviour.shuffle ? random.shuffle(fresh) : fresh)];
  // What is told twice comes again on the next page, or right here at the end when there is no next page.
  if (done) value.push(...again.flatMap((id) => source.tell(id, view, 0, source.pageSize)?.entry ?? []));
  return {
    value,
    state: { ...token, position: Math.min(position, end), offset, again: done ? [] : again, emptied: false },
    done,
  };
}
