/** JSON batching (https://learn.microsoft.com/graph/json-batching): each request is answered, and throttled, by itself. */
import { z } from 'zod';
import { badRequest } from './graph-error.ts';
import {
  type DispatchedReply,
  type GraphContext,
  type GraphReply,
  type GraphRequest,
  parseGraphRequest,
} from './graph-request.ts';

const batchSchema = z.object({
  requests: z.array(
    z.object({
      id: z.string().min(1),
      method: z.string(),
      url: z.string(),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.unknown().optional(),
      dependsOn: z.array(z.string()).optional(),
    }),
  ),
});

type InnerRequest = z.infer<typeof batchSchema>['requests'][number];

const batchLimit = 20;

export async function answerBatch(context: GraphContext, request: GraphRequest): Promise<GraphReply> {
  const requests = parseBatch(request.body);
  const statuses = new Map<string, number>();
  const responses: object[] = [];
  for (const inner of requests) {
    const failedDependency = inner.dependsOn?.some((id) => (statuses.get(id.toLowerCase()) ?? 424) >= 400);
    const reply = failedDependency ? dependencyReply : await answerInner(context, request, inner);
    statuses.set(inner.id.toLowerCase(), reply.status);
    responses.push({ id: inner.id, status: reply.status, headers: reply.headers, body: reply.body });
  }
  const { behaviour, random } = context;
  return { body: { responses: behaviour.shuffle ? random.shuffle(responses) : responses } };
}

const dependencyReply: DispatchedReply = {
  status: 424,
  headers: { 'Content-Type': 'application/json' },
  body: { error: { code: 'FailedDependency', message: 'A request this one depends on failed.' } },
};

function answerInner(context: GraphContext, outer: GraphRequest, inner: InnerRequest): Promise<DispatchedReply> {
  const headers = Object.fromEntries(
    Object.entries(inner.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const url = `/${outer.version}/${inner.url.replace(/^\//, '')}`;
  const parsed = parseGraphRequest(
    {
      method: inner.method.toUpperCase(),
      url,
      headers: { ...headers, authorization: outer.headers.authorization ?? '' },
      body: inner.body === undefined ? '' : JSON.stringify(inner.body),
    },
    { inner: true },
  );
  if (!parsed) throw badRequest(`The URL of request ${inner.id} is not valid.`);
  return context.dispatch(parsed);
}

function parseBatch(body: string): InnerRequest[] {
  let requests: InnerRequest[];
  try {
    ({ requests } = batchSchema.parse(JSON.parse(body)));
  } catch {
    throw badRequest('Invalid batch payload format.');
  }
  if (requests.length > batchLimit) {
    throw badRequest(`Number of batch request steps exceeds the maximum value of ${batchLimit}.`);
  }
  const ids = new Set(requests.map(({ id }) => id.toLowerCase()));
  if (ids.size < requests.length) throw badRequest('Request id duplicates in the batch.');
  if (requests.some((inner) => inner.body !== undefined && !hasContentType(inner))) {
    throw badRequest('A request with a body needs a Content-Type header.');
  }
  return requests;
}

const hasContentType = ({ headers = {} }: InnerRequest): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
