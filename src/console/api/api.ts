/** The API: Graph's resources where Graph has one, everything else under /api, all of it in /api/openapi.json. */
import type { ConsoleContext } from '../context.ts';
import { documentAppIdPaths, graphRoutes } from '../graph/graph.ts';
import { cycleRoutes } from './cycles.ts';
import { failureRoutes } from './failures.ts';
import { heldRoutes } from './held.ts';
import { mappingRoutes } from './mapping.ts';
import { type ApiApp, createApi } from './openapi.ts';
import { stateRoutes } from './state.ts';
import { userRoutes } from './users.ts';

const about = `The console of maptician-sync as JSON. What Microsoft Graph has a resource for is at Graph's own path, under
/v1.0 and /beta alike, so that a script written against Graph works with another base URL. Errors have Graph's form. Readers
may GET and search; what changes anything asks for the role operator. Sign in with "Authorization: Bearer".`;

export function apiRoutes(context: ConsoleContext): ApiApp {
  const app = createApi();
  const parts = [
    graphRoutes(context),
    stateRoutes(context),
    cycleRoutes(context),
    userRoutes(context),
    heldRoutes(context),
    failureRoutes(context),
    mappingRoutes(context),
  ];
  for (const part of parts) app.route('/', part);
  documentAppIdPaths(app);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'maptician-sync', version: '1', description: about },
    servers: [{ url: context.origin }],
    security: [{ bearer: [] }, {}],
  });
  app.get('/api/openapi.json', (c) => c.json(document));
  return app;
}
