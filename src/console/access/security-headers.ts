/** What browsers are told with every answer. */
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { isLoopback } from '../../settings-values.ts';
import type { ConsoleEnv } from '../context.ts';

const self = ["'self'"];
const none = ["'none'"];

/** Nothing but what the console itself serves; nothing inline. */
const pagePolicy = {
  defaultSrc: none,
  scriptSrc: self,
  styleSrc: self,
  imgSrc: self,
  connectSrc: self,
  formAction: self,
  baseUri: none,
  frameAncestors: none,
};

/** bull-board's template has a style element, style attributes and a base; its script needs no more than ours. */
const queuePolicy = {
  ...pagePolicy,
  baseUri: self,
  styleSrc: [...self, "'unsafe-inline'"],
  imgSrc: [...self, 'data:'],
  fontSrc: [...self, 'data:'],
};

/** `origin` is the one that people reach the console under. */
export function securityHeaders(origin: string): MiddlewareHandler<ConsoleEnv> {
  const url = new URL(origin);
  const common = {
    // `no-referrer` would have browsers send `Origin: null` with forms, which then look as if they came from elsewhere.
    referrerPolicy: 'same-origin',
    xFrameOptions: 'DENY',
    // For a name of this machine it would take hold of whatever else is served here.
    strictTransportSecurity: url.protocol === 'https:' && !isLoopback(url) ? 'max-age=31536000' : false,
  };
  const pages = secureHeaders({ ...common, contentSecurityPolicy: pagePolicy });
  const queue = secureHeaders({ ...common, contentSecurityPolicy: queuePolicy });
  return async (c, next) => {
    await (/^\/queue\/board(\/|$)/.test(c.req.path) ? queue : pages)(c, next);
    // Pages hold personal data: no cache keeps them, the browser's neither.
    if (!c.req.path.startsWith('/assets/')) c.header('Cache-Control', 'no-store');
  };
}
