/** The control API's part for Maptician, under `/_emu/maptician`. */
import { z } from 'zod';
import { userAttributes } from '../../mapping/maptician-user.ts';
import { type ControlRoute, on } from '../control-route.ts';
import { mapticianBehaviourSchema } from './behaviour.ts';
import type { Maptician } from './maptician.ts';

const tokenSchema = z.strictObject({ token: z.string().min(1).optional() }).default({});

export function mapticianRoutes(maptician: Maptician): ControlRoute[] {
  const { behaviour } = maptician;
  return [
    on('GET /_emu/maptician', () => ({ tenantUrl: maptician.url, users: maptician.size, behaviour })),
    on('PATCH /_emu/maptician', ({ body }) =>
      Object.assign(
        behaviour,
        mapticianBehaviourSchema.strict().parse({ ...behaviour, ...z.record(z.string(), z.unknown()).parse(body) }),
      ),
    ),
    on('PUT /_emu/maptician/token', ({ body }) => {
      maptician.setToken(tokenSchema.parse(body).token);
      return { token: maptician.token };
    }),
    on('GET /_emu/maptician/users', () => maptician.users().map(({ resource }) => resource)),
    on('GET /_emu/maptician/users/{id}', ({ parameters: [id = ''] }) => maptician.user(id).resource),
    on('POST /_emu/maptician/users', ({ body }) => maptician.create(userAttributes.parse(body)).resource),
    on(
      'PATCH /_emu/maptician/users/{id}',
      ({ parameters: [id = ''], body }) => maptician.update(id, userAttributes.parse(body)).resource,
    ),
    on('DELETE /_emu/maptician/users', () => maptician.clear()),
    on('DELETE /_emu/maptician/users/{id}', ({ parameters: [id = ''] }) => maptician.delete(id)),
  ];
}
