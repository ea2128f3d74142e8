/** Failures by their cause, and another try. Who failed for one cause is a list of users: `/api/users?code=…`. */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { retry } from '../../levers.ts';
import { readFailureGroups } from '../../state/failure-groups.ts';
import { actorOf, type ConsoleContext } from '../context.ts';
import { type ApiApp, body, createApi, json, moment, refusals, toJson } from './openapi.ts';
import { httpStatus, objectId } from './resources.ts';

const tags = ['failures'];

const failureGroup = z
  .object({
    code: z.string(),
    httpStatus: z.number().nullable(),
    users: z.number(),
    givenUp: z.number().openapi({ description: 'Of these, who is not tried again by itself any more.' }),
    firstFailedAt: moment,
    lastFailedAt: moment,
    nextRetryAt: moment.nullable(),
    action: z.string().openapi({ description: 'What a person should do.' }),
    reasons: z.array(z.string()),
  })
  .openapi('failureGroup');

const wanted = z.union(
  [
    z.strictObject({ user: objectId }),
    z.strictObject({ code: z.string().max(100), httpStatus: httpStatus.nullable() }),
    z.strictObject({ all: z.literal(true) }),
  ],
  { error: 'send one of {"user": object id}, {"code": …, "httpStatus": … or null}, {"all": true}' },
);

const retried = z.object({ users: z.number().openapi({ description: 'So many are tried by the next cycle.' }) });

export function failureRoutes({ service, pool }: ConsoleContext): ApiApp {
  const app = createApi();

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/failures',
      tags,
      summary: 'Who failed, by cause, the most frequent first',
      responses: { 200: json(z.object({ groups: z.array(failureGroup) }), 'All causes.'), ...refusals },
    }),
    async (c) => c.json({ groups: toJson(z.array(failureGroup), await readFailureGroups(pool)) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/failures/retry',
      tags,
      summary: 'Have the next cycle try a user again, everyone of one cause, or everyone',
      request: { body: body(wanted) },
      responses: { 200: json(retried, 'Asked for.'), ...refusals },
    }),
    async (c) => {
      const asked = c.req.valid('json');
      const users = 'user' in asked ? asked.user : 'all' in asked ? undefined : asked;
      const { length } = await retry(service.database.pool, users, actorOf(c.get('viewer')));
      if (length === 0 && users !== undefined) {
        throw new HTTPException(404, { message: 'Nobody of these has failed or was rejected.' });
      }
      return c.json({ users: length }, 200);
    },
  );
  return app;
}
