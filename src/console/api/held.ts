/** What waits for an operator, and the answers to it. */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { answerHeld } from '../../cycle/answer-held.ts';
import { readHeldSets } from '../../state/held-sets.ts';
import { readHeldUsers, readRejectedUsers } from '../../state/held-users.ts';
import { actorOf, type ConsoleContext } from '../context.ts';
import { type ApiApp, body, createApi, json, refusals, toJson } from './openapi.ts';
import { heldSet, limit, modifiedProperty, objectId } from './resources.ts';

const tags = ['held'];

const page = z.object({
  after: objectId.optional().openapi({ description: 'The `next` of the page before.' }),
  limit,
});
const person = { entraId: objectId, userName: z.string().nullable() };

const heldUsers = z.object({
  users: z.array(
    z.object({
      ...person,
      mapticianId: z.string().nullable(),
      kind: z.enum(['create', 'update', 'reactivate', 'yield', 'deactivate', 'delete']),
      reason: z.string().nullable(),
      changes: z.array(modifiedProperty),
    }),
  ),
  next: objectId.nullable(),
});

const rejectedUsers = z.object({
  users: z.array(z.object({ ...person, kind: z.enum(['deactivate', 'delete']), reason: z.string().nullable() })),
  next: objectId.nullable(),
});

const answer = z.object({
  users: z
    .array(objectId)
    .min(1)
    .max(10_000)
    .optional()
    .openapi({ description: 'Only these, by object id; without it the whole set.' }),
});
const answered = z.object({
  kinds: z.record(z.string(), z.number()).openapi({ description: 'Users by what was to be done to them.' }),
});
const params = z.object({ set: z.coerce.number().int().positive() });

const answers = [
  ['approve', 'approved', 'Let a set, or some of it, be carried out by the next cycle'],
  ['reject', 'rejected', 'Leave the users of a set, or some of them, as they are'],
] as const;

export function heldRoutes({ service, pool }: ConsoleContext): ApiApp {
  const { expiryDays } = service.guard;
  const app = createApi();

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/held',
      tags,
      summary: 'The sets that are held, oldest first',
      responses: { 200: json(z.object({ sets: z.array(heldSet) }), 'All of them.'), ...refusals },
    }),
    async (c) => c.json({ sets: toJson(z.array(heldSet), await readHeldSets(pool)) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/held/{set}/users',
      tags,
      summary: 'Who is held in a set, and what would be done to them',
      request: { params, query: page },
      responses: { 200: json(heldUsers, 'A page.'), ...refusals },
    }),
    async (c) => {
      const { users, next = null } = await readHeldUsers(pool, { ...c.req.valid('param'), ...c.req.valid('query') });
      return c.json(toJson(heldUsers, { users, next }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/rejected',
      tags,
      summary: 'Whose removal was rejected: their accounts stay',
      request: { query: page },
      responses: { 200: json(rejectedUsers, 'A page.'), ...refusals },
    }),
    async (c) => {
      const { users, next = null } = await readRejectedUsers(pool, c.req.valid('query'));
      return c.json(toJson(rejectedUsers, { users, next }), 200);
    },
  );

  for (const [word, given, summary] of answers) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/api/held/{set}/${word}`,
        tags,
        summary,
        request: { params, body: body(answer) },
        responses: { 200: json(answered, 'Answered.'), ...refusals },
      }),
      async (c) => {
        const { set } = c.req.valid('param');
        const { users } = c.req.valid('json');
        const actor = actorOf(c.get('viewer'));
        const { kinds, unknown } = await answerHeld(service.database.pool, {
          answer: given,
          set,
          users,
          expiryDays,
          actor,
        });
        if (unknown.length > 0) {
          const message = `Not held in set ${set}: ${unknown.join(', ')}. Nothing was ${given}.`;
          throw new HTTPException(409, { message });
        }
        if (Object.keys(kinds).length === 0) {
          throw new HTTPException(404, { message: `Nothing is held as set ${set}. GET /api/held tells what is.` });
        }
        return c.json(toJson(answered, { kinds }), 200);
      },
    );
  }
  return app;
}
