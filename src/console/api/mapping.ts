/** The mapping in use, and an expression tried out. As Microsoft's schema it is at the job: `…/schema`. */
import { createRoute, z } from '@hono/zod-openapi';
import { mappingJson } from '../../mapping/describe-mapping.ts';
import { describeError, ExpressionError } from '../../mapping/expression/expression-error.ts';
import type { ConsoleContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import { tryForViewer } from '../try-mapping.ts';
import { type ApiApp, body, createApi, json, refusals, toJson } from './openapi.ts';

const tags = ['mapping'];
const text = z.union([z.string(), z.boolean()]);

const mapping = z
  .object({
    attributes: z.array(
      z.object({
        target: z.string(),
        source: z.string().optional(),
        constant: text.optional(),
        expression: z.string().optional(),
        default: text.optional(),
        matching: z.number().optional(),
        apply: z.enum(['always', 'create']),
        nulls: z.enum(['clear', 'keep']).optional(),
        required: z.boolean(),
      }),
    ),
    actions: z.record(z.string(), z.boolean()),
    filters: z.array(
      z.object({
        title: z.string(),
        clauses: z.array(
          z.object({
            attribute: z.string().nullable(),
            operator: z.string(),
            values: z.array(z.string()),
            multivalued: z.enum(['all', 'any']),
            label: z.string(),
          }),
        ),
      }),
    ),
    skipOutOfScopeDeletions: z.boolean(),
  })
  .openapi('mapping');

const expressionTest = z.object({
  expression: z.string().trim().min(1).max(10_000),
  values: z
    .record(z.string(), z.union([z.string(), z.boolean(), z.number().int(), z.array(z.string())]))
    .default({})
    .openapi({ description: 'Attributes by name.' }),
  user: z.string().trim().min(1).max(400).optional().openapi({
    description:
      'Of whom all other attributes are: an object id or userPrincipalName. Readers: only of whom and of what cycles have read.',
  }),
});

const attributeValue = z.unknown();
const tested = z.object({
  result: z.union([z.string(), z.array(z.string()), z.boolean(), z.null()]),
  type: z.string(),
  redacted: z.boolean().openapi({ description: 'It is shown nowhere else, and to no reader.' }),
  read: z.record(z.string(), attributeValue).openapi({ description: 'The attributes it read, with their values.' }),
});

export function mappingRoutes(context: ConsoleContext): ApiApp {
  const { service } = context;
  const app = createApi();

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/mapping',
      tags,
      summary: 'The attribute table and the scoping filters in use',
      responses: { 200: json(mapping, 'Both.'), ...refusals },
    }),
    async (c) => c.json(toJson(mapping, mappingJson(service)), 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/mapping/test',
      tags,
      summary: 'Evaluate an expression and see what it gives; nothing is changed',
      request: { body: body(expressionTest) },
      responses: { 200: json(tested, 'The result.'), ...refusals },
    }),
    async (c) => {
      const { expression, values, user } = c.req.valid('json');
      try {
        const test = { expression, assignments: assignmentsOf(values), user };
        return c.json(toJson(tested, await tryForViewer(context, c.get('viewer'), test, c.req.raw)), 200);
      } catch (thrown) {
        if (thrown instanceof ExpressionError) throw badRequest(`expression: ${describeError(thrown)}`);
        throw thrown;
      }
    },
  );
  return app;
}

/** One name several times is several values. */
function assignmentsOf(values: z.infer<typeof expressionTest>['values']): string[] {
  return Object.entries(values).flatMap(([name, given]) =>
    (Array.isArray(given) ? given : [given]).map((one) => `${name}=${one}`),
  );
}
