/** directoryObjects/getByIds (https://learn.microsoft.com/graph/api/directoryobject-getbyids). */
import { z } from 'zod';
import { accessDenied, badRequest } from './graph-error.ts';
import { type GraphContext, type GraphReply, type GraphRequest, rootOf } from './graph-request.ts';
import { selectedUserProperties } from './query.ts';
import { renderUser } from './users.ts';

const bodySchema = z.object({ ids: z.array(z.string()), types: z.array(z.string()).optional() });

/** Users and groups by id; unknown and deleted ones are left out. */
export function getByIds(context: GraphContext, request: GraphRequest): GraphReply {
  const body = parseBody(request.body);
  if (body.ids.length > 1000) throw badRequest('Too many ids: at most 1000 are allowed.');
  const wants = (type: string): boolean => body.types === undefined || body.types.includes(type);
  // Documented for Directory.Read.All; User.Read.All has been seen to do for users alone.
  const usersOnly = body.types?.every((type) => type === 'user') ?? false;
  if (!usersOnly && !request.roles.some((role) => role.startsWith('Directory.Read'))) throw accessDenied();
  const names = selectedUserProperties(request.query.get('$select'));
  const { users, groups } = context.tenant;
  const value = body.ids.flatMap((id): object[] => {
    const user = wants('user') ? users.find(id) : undefined;
    if (user) return [{ '@odata.type': '#microsoft.graph.user', ...renderUser(user, names) }];
    const group = wants('group') ? groups.find(id) : undefined;
    return group ? [{ '@odata.type': '#microsoft.graph.group', id, displayName: group.displayName }] : [];
  });
  return { body: { '@odata.context': `${rootOf(context, request)}/$metadata#directoryObjects`, value } };
}

function parseBody(text: string): z.infer<typeof bodySchema> {
  try {
    return bodySchema.parse(JSON.parse(text));
  } catch {
    throw badRequest('The request body is not what getByIds takes.');
  }
}
