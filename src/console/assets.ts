/** The style sheet, the script and the icon: files, since nothing may stand in a page by the content security policy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import { etag } from 'hono/etag';
import { packageRoot } from '../package-root.ts';
import type { ConsoleEnv } from './context.ts';

const types = {
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

export function assets(): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  for (const [name, type] of Object.entries(types)) {
    const content = readFileSync(join(packageRoot, 'src/console/assets', name), 'utf8');
    app.get(`/assets/${name}`, etag(), (c) =>
      c.body(content, 200, { 'Content-Type': type, 'Cache-Control': 'no-cache' }),
    );
  }
  return app;
}
