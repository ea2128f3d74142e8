/** Pages of an ordinary list (https://learn.microsoft.com/graph/paging). */
import type { StableList } from '../stable-list.ts';
import { badRequest, unsupportedQuery } from './graph-error.ts';
import { type GraphContext, type GraphReply, type GraphRequest, isAdvanced, rootOf } from './graph-request.ts';

export interface ListSource<T> {
  /** The `@odata.context` after `$metadata#`. */
  readonly context: string;
  readonly items: Pick<StableList<T>, 'end' | 'at'>;
  /** Whether an item belongs to the list; it does by default. */
  readonly includes?: (item: T) => boolean;
  readonly render: (item: T) => object;
  /** Says no to a next link that would otherwise be there. */
  readonly suppressNextLink?: (size: number) => boolean;
}

/** One page of the list from where the `$skiptoken` says, with `$top` and `$count`. */
export function listPage<T>(context: GraphContext, request: GraphRequest, source: ListSource<T>): GraphReply {
  const { items, includes = () => true } = source;
  const size = pageSize(context, request.query.get('$top'));
  const skipToken = request.query.get('$skiptoken');
  let position = 0;
  if (skipToken !== undefined) {
    const token = context.tokens.openList(skipToken);
    if (token.path !== request.path) throw badRequest('Badly formed token.');
    position = token.position;
  }
  const itemAt = (place: number): T | undefined => {
    const item = items.at(place);
    return item !== undefined && includes(item) ? item : undefined;
  };

  const value: object[] = [];
  for (; position < items.end && value.length < size; position++) {
    const item = itemAt(position);
    if (item !== undefined) value.push(source.render(item));
  }
  while (position < items.end && itemAt(position) === undefined) position++;

  const root = rootOf(context, request);
  const body: Record<string, unknown> = { '@odata.context': `${root}/$metadata#${source.context}` };
  if (request.query.get('$count') === 'true') {
    if (!isAdvanced(request))
      throw badRequest('Request with $count query requires the header ConsistencyLevel: eventual.');
    body['@odata.count'] = countItems(source);
  }
  if (position < items.end && !source.suppressNextLink?.(size)) {
    const token = context.tokens.seal({
      kind: 'list',
      path: request.path,
      position,
      issuedAt: context.tenant.clock.now(),
    });
    const kept = request.rawQuery.split('&').filter((part) => part !== '' && !/^(\$|%24)skiptoken=/i.test(part));
    body['@odata.nextLink'] =
      `${root}${encodeURI(request.path).replaceAll('#', '%23')}?${[...kept, `$skiptoken=${token}`].join('&')}`;
  }
  return { body: { ...body, value } };
}

export function countItems<T>({ items, includes = () => true }: Pick<ListSource<T>, 'items' | 'includes'>): number {
  let count = 0;
  for (let position = 0; position < items.end; position++) {
    const item = items.at(position);
    if (item !== undefined && includes(item)) count++;
  }
  return count;
}

function pageSize(context: GraphContext, top: string | undefined): number {
  if (top === undefined) return context.behaviour.listPageSize;
  const size = Number(top);
  if (!Number.isInteger(size) || size < 1 || size > 999) {
    throw unsupportedQuery(`Invalid page size specified: '${top}'. Must be between 1 and 999 inclusive.`);
  }
  return size;
}
