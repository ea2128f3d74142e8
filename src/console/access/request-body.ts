/** Bodies that no page or script of ours sends are refused before anybody reads them. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import type { ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';

/** An attribute table is the largest that is sent. */
const bytesAtMost = 1024 * 1024;

export const limitBody: MiddlewareHandler<ConsoleEnv> = bodyLimit({
  maxSize: bytesAtMost,
  onError: () => {
    throw new HTTPException(413, { message: 'That is too much: a request may have 1 MiB.' });
  },
});

/** What is read here is kept, so it is not read twice. */
export const checkBody: MiddlewareHandler<ConsoleEnv> = async (c, next) => {
  if (c.req.raw.body !== null) {
    const type = c.req.header('content-type') ?? '';
    try {
      if (/^application\/([\w.]+\+)?json\b/i.test(type)) {
        const text = await c.req.text();
        if (text.trim() !== '') JSON.parse(text);
      } else if (/^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type)) {
        await c.req.formData();
      }
    } catch {
      throw badRequest(`The body is not what its Content-Type says: ${type.slice(0, 60)}.`);
    }
  }
  await next();
};
