/** What the routes of the API have in common: documented by their schemas, answered as JSON, refused in Graph's form. */
import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { jsonError } from '../errors.ts';

export type ApiApp = OpenAPIHono<ConsoleEnv>;

/** An application whose routes check what they are given, and say what is wrong with it. */
export function createApi(): ApiApp {
  return new OpenAPIHono<ConsoleEnv>({
    defaultHook: (result, c) =>
      result.success ? undefined : jsonError(c, 400, 'BadRequest', describeProblems(result.target, result.error)),
  });
}

const places: Readonly<Record<string, string>> = { json: 'body', param: 'path', query: 'query' };

function describeProblems(target: string, { issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => `${[places[target] ?? target, ...path.map(String)].join('.')}: ${message}`)
    .join('; ');
}

const errorBody = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .openapi('Error', { description: 'https://learn.microsoft.com/graph/errors#json-representation' });

/** JSON of this schema, as an answer or a body. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** The body of a request, which must be there. */
export function body<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** How every route may fail. */
export const refusals = {
  '4XX': json(errorBody, 'What is wrong with the request, or who may send it.'),
  '5XX': json(errorBody, 'Entra, Maptician or the service could not do it, and what to do about it.'),
} as const satisfies RouteConfig['responses'];

/** Done, and nothing to say. */
export const noContent = { 204: { description: 'Done.' } } as const;

/** A value as its JSON has it, and as it is documented; what the schema does not name is left out. */
export function toJson<Schema extends z.ZodType>(schema: Schema, value: z.input<Schema> | object): z.output<Schema> {
  return schema.parse(
    JSON.parse(JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one))),
  );
}

/** A schema with a name in the document, or null: `.nullable()` would have null match that name's schema as well. */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return z.union([schema, z.null()]);
}

/** A moment in UTC, ISO 8601. */
export const moment = z.iso.datetime();

/** What a long request gives up with: its own client has gone, or the service ends. */
export function endOf(request: Request, { signal }: Pick<ConsoleContext, 'signal'>): AbortSignal {
  return AbortSignal.any([request.signal, signal]);
}
