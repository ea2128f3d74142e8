/** The mapping as Microsoft's synchronizationSchema, and what it can be made of. Only read here: it is in config/. */
import { createRoute, z } from '@hono/zod-openapi';
import { functionTable } from '../../mapping/expression/functions.ts';
import { exportSchema } from '../../mapping/schema-json/export-schema.ts';
import { filterOperators, operatorNames } from '../../scope/filters/operators.ts';
import { type ApiApp, createApi, json, refusals } from '../api/openapi.ts';
import type { ConsoleContext } from '../context.ts';
import { jobOf, jobPaths, metadataOf } from './paths.ts';

const odataContext = { '@odata.context': z.string() };
const tags = ['synchronization'];

const synchronizationSchema = z
  .looseObject({
    id: z.string(),
    version: z.string(),
    synchronizationRules: z.array(z.looseObject({ id: z.string(), name: z.string() })),
    directories: z.array(z.looseObject({ name: z.string() })),
  })
  .openapi('synchronizationSchema');

const filterOperator = z.object({
  id: z.string(),
  arity: z.enum(['Unary', 'Binary']),
  multivaluedComparisonType: z.enum(['All', 'Any']),
  supportedAttributeTypes: z.array(z.string()),
});

const mappingFunction = z.object({
  id: z.string(),
  parameters: z.array(z.object({ name: z.string(), required: z.boolean(), allowMultipleOccurrences: z.boolean() })),
});

export function schemaRoutes(context: ConsoleContext): ApiApp {
  const { table, filters } = context.service;
  const schema = synchronizationSchema.parse(exportSchema(table, filters).schema);
  const app = createApi();
  for (const { path, params, hide } of jobPaths) {
    const of = { method: 'get' as const, hide, tags, request: { params: z.object(params) } };
    app.openapi(
      createRoute({
        ...of,
        path: `${path}/schema`,
        summary: 'The attribute table and the scoping filters in use, as "mapping export" prints them',
        responses: { 200: json(synchronizationSchema.extend(odataContext), 'The schema.'), ...refusals },
      }),
      async (c) => {
        await jobOf(c, context);
        const where = '#servicePrincipals/synchronization/jobs/schema/$entity';
        return c.json({ '@odata.context': `${metadataOf(c, context)}${where}`, ...schema }, 200);
      },
    );

    app.openapi(
      createRoute({
        ...of,
        path: `${path}/schema/filterOperators`,
        summary: 'The operators of scoping filters',
        responses: { 200: json(z.object({ ...odataContext, value: z.array(filterOperator) }), 'All.'), ...refusals },
      }),
      async (c) => {
        await jobOf(c, context);
        const value = operatorNames.map((id) => toOperator(id));
        return c.json({ '@odata.context': `${metadataOf(c, context)}#filterOperators`, value }, 200);
      },
    );

    app.openapi(
      createRoute({
        ...of,
        path: `${path}/schema/functions`,
        summary: 'The functions of expressions',
        responses: { 200: json(z.object({ ...odataContext, value: z.array(mappingFunction) }), 'All.'), ...refusals },
      }),
      async (c) => {
        await jobOf(c, context);
        const value = [...functionTable.values()].map(({ name: id, parameters }) => ({
          id,
          parameters: parameters.map(({ name, optional, repeated }) => ({
            name,
            required: optional !== true,
            allowMultipleOccurrences: repeated === true,
          })),
        }));
        return c.json({ '@odata.context': `${metadataOf(c, context)}#functions`, value }, 200);
      },
    );
  }
  return app;
}

function toOperator(id: (typeof operatorNames)[number]): z.infer<typeof filterOperator> {
  const { takes, types } = filterOperators[id];
  return {
    id,
    arity: takes === 'nothing' ? 'Unary' : 'Binary',
    multivaluedComparisonType: 'All',
    supportedAttributeTypes: [...types],
  };
}
