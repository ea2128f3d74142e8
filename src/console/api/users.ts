/** Users: who there is, how one stands, and one provisioned now. */
import { createRoute, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { provisionJson } from '../../cycle/describe-provisioning.ts';
import { why } from '../../cycle/why.ts';
import { logStatuses } from '../../state/provisioning-log.ts';
import { isListed, readUserList, type UserListFilter, type UserPage, userStates } from '../../state/user-list.ts';
import type { ConsoleContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import { provisionByHand } from '../provision-by-hand.ts';
import { type ApiApp, body, createApi, endOf, json, refusals, toJson } from './openapi.ts';
import { httpStatus, limit, listedUser, modifiedProperty, objectId, userDetail } from './resources.ts';

const tags = ['users'];

/** Milliseconds for which Maptician is waited for. */
const waitAtMost = 5_000;

const after = objectId.optional().openapi({
  description: 'The `next` of the page before. Where that user has gone meanwhile the answer is 400: begin anew.',
});
const state = z.enum(userStates).optional();

const listQuery = z.object({
  state,
  code: z.string().max(100).optional().openapi({ description: 'Only whose failure has this code.' }),
  httpStatus: z.coerce.number().pipe(httpStatus).optional().openapi({
    description: 'With a code: of the failures of that code those with this HTTP status; without it, with none.',
  }),
  after,
  limit,
});

const search = z.object({
  search: z.string().max(400).openapi({
    description: 'Parts of userName, names or e-mail, in any order; or a whole object id or Maptician id.',
  }),
  state,
  after,
  limit,
});

const userPage = z.object({ users: z.array(listedUser), next: objectId.nullable() });

const step = z
  .looseObject({
    step: z.enum(['connect', 'import', 'scope', 'match', 'act']),
    status: z.enum(logStatuses),
    description: z.string(),
    code: z.string().nullish(),
    recommendedAction: z.string().nullish(),
    modified: z.array(modifiedProperty).optional(),
  })
  .openapi('provisioningStep');

const provisioned = z.object({
  cycleId: z.number().optional().openapi({ description: 'Under which it stands in the log; none for a dry run.' }),
  dryRun: z.boolean(),
  users: z.array(
    z.object({
      user: z.string(),
      outcome: z.enum(['done', 'nothing', 'skipped', 'failed', 'waiting', 'planned', 'unknown']),
      steps: z.array(step),
      durationMs: z.number(),
    }),
  ),
  durationMs: z.number(),
  warnings: z.array(z.string()).optional(),
  error: z.object({ code: z.string(), message: z.string(), action: z.string() }).optional(),
});

const params = z.object({ id: objectId });

export function userRoutes(context: ConsoleContext): ApiApp {
  const { service, pool } = context;
  const app = createApi();
  const read = async (filter: UserListFilter, page: UserPage) => {
    if (page.after !== undefined && !(await isListed(pool, page.after))) {
      throw badRequest('The user of "after" has gone since the page before was read. Begin anew, without it.');
    }
    const { users, next = null } = await readUserList(pool, filter, page);
    return toJson(userPage, { users, next });
  };

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/users',
      tags,
      summary: 'Users in the order of their names',
      request: { query: listQuery },
      responses: { 200: json(userPage, 'A page.'), ...refusals },
    }),
    async (c) => {
      const { code, httpStatus = null, state: wanted, ...page } = c.req.valid('query');
      const cause = code === undefined ? undefined : { code, httpStatus };
      return c.json(await read({ state: wanted, cause }, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/users/search',
      tags,
      summary: 'Users by a part of their name; sent as a body, since a URL is no place for names',
      request: { body: body(search) },
      responses: { 200: json(userPage, 'A page.'), ...refusals },
    }),
    async (c) => {
      const { search: text, state: wanted, ...page } = c.req.valid('json');
      return c.json(await read({ search: text, state: wanted }, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/users/{id}',
      tags,
      summary: 'Where one user stands, and why, as "maptician-sync why" tells it',
      request: { params },
      responses: { 200: json(userDetail, 'The user.'), ...refusals },
    }),
    async (c) => {
      const found = await why({ ...service.whyContext(), pool }, c.req.valid('param').id, { within: waitAtMost });
      if (found === undefined) {
        throw new HTTPException(404, {
          message:
            'Nobody is known by this object id: who was not assigned when Entra was last read is not kept here. A dry run of provision asks Entra itself.',
        });
      }
      return c.json(toJson(userDetail, { ...found, decision: found.decision ?? null }), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/users/{id}/provision',
      tags,
      summary: 'Provision a user at once, or only look what would be done; ends when the client goes away',
      request: { params, body: body(z.object({ dryRun: z.boolean().default(false) })) },
      responses: { 200: json(provisioned, 'What was done, step by step, or why not.'), ...refusals },
    }),
    async (c) => {
      const { dryRun } = c.req.valid('json');
      const options = { dryRun, signal: endOf(c.req.raw, context) };
      const { id } = c.req.valid('param');
      const result = await provisionByHand(context, { user: id, viewer: c.get('viewer'), ...options });
      if (result.users.length === 0 && result.error !== undefined) throw result.error;
      return c.json(toJson(provisioned, provisionJson(result, dryRun)), 200);
    },
  );
  return app;
}
