/**
 * Where a request comes from, as far as a browser tells: the protection against forged requests, against other sites that would
 * read along, and against names that were made to point here (DNS rebinding). Pure.
 */
import { isLoopback } from '../../settings-values.ts';

export interface RequestOrigin {
  readonly method: string;
  /** Of the request, such as `https://sync.example.com`: what stands in the Host header. */
  readonly own: string;
  /** What people reach the console under. */
  readonly configured: string;
  /** Whether scripts ask here, which send neither of the browser's headers. */
  readonly script: boolean;
  readonly header: (name: string) => string | undefined;
}

/**
 * Whether another site has this request sent. Fetch metadata decides where a browser sends it
 * (https://www.w3.org/TR/fetch-metadata/), else the Origin header. Links from elsewhere may lead to a page; nothing else may
 * come from there, and a form must say that it comes from here.
 */
export function isCrossSite({ method, own, configured, script, header }: RequestOrigin): boolean {
  const site = header('sec-fetch-site');
  const fromHere = site === 'same-origin' || site === 'none';
  if (method === 'GET' || method === 'HEAD') {
    const link = header('sec-fetch-mode') === 'navigate' && header('sec-fetch-dest') === 'document';
    return site !== undefined && !fromHere && !link;
  }
  if (site !== undefined) return !fromHere;
  const origin = header('origin');
  if (origin !== undefined) return origin !== configured && origin !== own;
  return !script;
}

/** What proxies add to what they pass on. */
const ofProxies = /^(via|forwarded|x-forwarded(-.*)?|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/**
 * Whether somebody on this machine asks, and by a name of this machine, from its own pages: what a proxy passes on has come
 * from elsewhere. One that adds nothing to what it passes on shows by the Origin of the forms only.
 */
export function isFromThisMachine(own: string, headers: Headers): boolean {
  const url = URL.parse(own);
  const origin = headers.get('origin');
  const passedOn = [...headers.keys()].some((name) => ofProxies.test(name));
  return url !== null && isLoopback(url) && !passedOn && (origin === null || origin === own);
}
