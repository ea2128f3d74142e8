/** The kinds of value a setting can have: each a zod schema from the text an operator wrote to a typed value. */

import { validate as isCron } from 'node-cron';
import { z } from 'zod';
import { type NotificationKind, notificationKinds } from './notify/kinds.ts';

/** True when a URL's host is this machine: localhost, 127.0.0.0/8 or ::1. Only there may credentials travel over http. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname);
}

/** Any text. */
export const text = () => z.string();

/** Text of a form; `problem` completes "NAME: ...". */
export const textLike = (pattern: RegExp, problem: string) => z.string().regex(pattern, problem);

/** An object id or application id. */
export const guid = () =>
  textLike(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    'must be an id like 00000000-0000-0000-0000-000000000000. Copy it from the enterprise application in the Entra admin center.',
  ).transform((id) => id.toLowerCase());

/** `true` or `false` (1 and 0 too), in any case. */
export const flag = () =>
  z
    .string()
    .regex(/^(true|false|1|0)$/i, 'must be true or false.')
    .transform((value) => /^(true|1)$/i.test(value));

/** One of a few words, in any case; the result is spelled as given here. */
export function oneOf<const Word extends string>(words: readonly [Word, ...Word[]]) {
  return z.string().transform((value, context): Word => {
    const word = words.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
    if (word !== undefined) return word;
    context.addIssue(`must be one of: ${words.join(', ')}.`);
    return z.NEVER;
  });
}

/** A number from `min` to `max`; whole unless `fraction` is set. */
export function amount({ min = 0, max, fraction = false }: { min?: number; max: number; fraction?: boolean }) {
  const pattern = fraction ? /^\d{1,9}(\.\d{1,9})?$/ : /^\d{1,9}$/;
  const problem = `must be a ${fraction ? '' : 'whole '}number from ${min} to ${max}, without a unit.`;
  return z
    .string()
    .refine((value) => pattern.test(value) && Number(value) >= min && Number(value) <= max, problem)
    .transform(Number);
}

/** A limit: `COUNT`, `PERCENT%`, or both with a comma between. What is not written is absent. */
export const limit = () =>
  z.string().transform((value, context): { readonly count?: number; readonly percent?: number } => {
    const found: { count?: number; percent?: number } = {};
    for (const part of value.split(',').map((one) => one.trim())) {
      const percent = /^(\d{1,3}(?:\.\d{1,9})?) ?%$/.exec(part)?.[1];
      const name = percent === undefined ? 'count' : 'percent';
      const amount = percent ?? (/^\d{1,9}$/.test(part) ? part : undefined);
      if (amount === undefined || found[name] !== undefined || (name === 'percent' && Number(amount) > 100)) {
        context.addIssue('must be a count such as 50, a percentage such as 10%, or both as 50, 10%.');
        return z.NEVER;
      }
      found[name] = Number(amount);
    }
    return found;
  });

/** Cron expressions separated by `;`, as node-cron reads them. */
export const schedule = () =>
  z.string().transform((value, context) => {
    const expressions = splitList(value, ';');
    const wrong = expressions.find((expression) => !isCron(expression));
    if (wrong === undefined && expressions.length > 0) return expressions;
    context.addIssue(
      wrong === undefined
        ? 'holds no cron expression. Write one, such as "0 * * * *" for every hour.'
        : `"${wrong.slice(0, 60)}" is no cron expression. Write minute, hour, day, month and weekday, such as "0 * * * *" for every hour, with ";" between several.`,
    );
    return z.NEVER;
  });

/** The same, or `off` for never: an empty list. */
export const scheduleOrOff = () =>
  z.string().transform((value, context) => {
    if (value.toLowerCase() === 'off') return [];
    const parsed = schedule().safeParse(value);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) context.addIssue(message);
    return z.NEVER;
  });

const emailAddress = z.email({ pattern: z.regexes.unicodeEmail });

/** E-mail addresses separated by commas. */
export const addresses = () =>
  z.string().transform((value, context) => {
    const list = splitList(value, ',');
    const wrong = list.findIndex((address) => !emailAddress.safeParse(address).success);
    if (wrong === -1 && list.length > 0) return list;
    // The position and not the address: this message may be logged.
    const which = list.length > 1 ? `address ${wrong + 1} of ${list.length}` : 'the value';
    context.addIssue(`${which} is no e-mail address. Write addresses like it@example.com, with "," between several.`);
    return z.NEVER;
  });

/** Who is told of which kind; nobody where the list is empty. */
export type AddressesByKind = Readonly<Partial<Record<NotificationKind, readonly string[]>>>;

/** `kind=addresses` with `;` between several, and `nobody` in place of addresses. */
export const addressesByKind = () =>
  z.string().transform((value, context): AddressesByKind => {
    const lists: Partial<Record<NotificationKind, readonly string[]>> = {};
    for (const [index, part] of splitList(value, ';').entries()) {
      const [name = '', list = ''] = part.split(/=(.*)/s).map((text) => text.trim());
      const kind = notificationKinds.find((known) => known === name.toLowerCase());
      const given = splitList(list, ',');
      const nobody = list.toLowerCase() === 'nobody';
      // The place and not the part: this message may be logged.
      const where = `part ${index + 1}`;
      if (kind === undefined)
        context.addIssue(`${where} begins with no known kind. They are: ${notificationKinds.join(', ')}.`);
      else if (kind in lists) context.addIssue(`${where} names ${kind} again. Write its addresses in one part.`);
      else if (!nobody && (given.length === 0 || given.some((address) => !emailAddress.safeParse(address).success)))
        context.addIssue(
          `${where} (${kind}) needs addresses like it@example.com, with "," between several, or "nobody".`,
        );
      else lists[kind] = nobody ? [] : given;
    }
    return lists;
  });

/** The mailbox that Graph sends from: a user's address or object id. */
export const mailbox = () =>
  z
    .string()
    .refine(
      (value) => emailAddress.safeParse(value).success || guid().safeParse(value).success,
      'must be the userPrincipalName of a mailbox, like sync@example.com, or its object id.',
    );

/** A sender: an address, or a name with the address in angle brackets. */
export const sender = () =>
  z.string().refine((value) => {
    const named = /^[^<>\r\n]*<([^<>]+)>$/.exec(value);
    return emailAddress.safeParse(named?.[1] ?? value).success;
  }, 'must be an address like sync@example.com, or Name <sync@example.com>.');

/** A URL of one of these schemes, kept as written because it may hold a password that must not be re-encoded. */
export function connectionUrl(schemes: readonly string[], { hostNeeded = true } = {}) {
  const forms = schemes.map((scheme) => `${scheme}://`).join(' or ');
  return z.string().superRefine((value, context) => {
    const url = URL.parse(value);
    if (url === null || !/^[a-z]+:\/\//i.test(value)) {
      context.addIssue(
        `must be a URL that begins with ${forms}. Characters such as @ : / # % in its user name or password are written percent-encoded, @ as %40.`,
      );
    } else if (!schemes.includes(url.protocol.slice(0, -1))) {
      context.addIssue(`must begin with ${forms}.`);
    } else if (hostNeeded && url.hostname === '') {
      context.addIssue(`names no host. Write ${schemes[0]}://host:port.`);
    }
  });
}

/**
 * The address of a web service that gets credentials: https, or http on this machine if `loopback` is allowed.
 * `origin` refuses a path; a trailing slash is dropped.
 */
export function serviceUrl(rules: { loopback: boolean; path: 'none' | 'plain' | 'with-query' }) {
  return z.string().transform((value, context) => {
    const url = URL.parse(value);
    const problem =
      url === null || !/^https?:\/\//i.test(value)
        ? 'must be a URL that begins with https://.'
        : serviceUrlProblem(url, rules);
    if (url !== null && problem === undefined) {
      return rules.path === 'none' ? url.origin : url.href.replace(/\/$/, '');
    }
    context.addIssue(problem ?? 'must be a URL.');
    return z.NEVER;
  });
}

function serviceUrlProblem(url: URL, rules: { loopback: boolean; path: 'none' | 'plain' | 'with-query' }) {
  if (url.protocol === 'http:' && !rules.loopback) return 'must begin with https://: credentials are sent there.';
  if (url.protocol === 'http:' && !isLoopback(url)) {
    return 'must begin with https://. Plain http is allowed on this machine only (localhost, 127.0.0.1, [::1]): credentials are sent there.';
  }
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password. Remove them.';
  if (url.hash !== '') return 'must not hold a "#" part. Remove it.';
  if (rules.path === 'none' && (url.pathname !== '/' || url.search !== '')) {
    return `must be an origin without a path. Write ${url.origin}; the API version is added by itself.`;
  }
  if (rules.path === 'plain' && url.search !== '') return 'must not hold a "?" part. Remove it.';
  return undefined;
}

/** Where something listens: the host as it is bound, without brackets. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `address:port` of this machine; null for `off`. */
export const listenAddress = () =>
  z.string().transform((value, context): ListenAddress | null => {
    if (value.toLowerCase() === 'off') return null;
    const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(value) ?? [];
    const host = bracketed ?? plain;
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
    context.addIssue('must be an address and a port, such as 127.0.0.1:4080 or [::]:4080, or off.');
    return z.NEVER;
  });

/** True where only this machine can reach what listens there. */
export function isLoopbackAddress({ host }: ListenAddress): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** True for the wildcard addresses: what listens there has all of the machine's, and no name of its own. */
export function isEveryAddress({ host }: ListenAddress): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}

/** A secret that nobody guesses. */
export const signInToken = () =>
  textLike(/^[\x21-\x7e]{32,}$/, 'must have at least 32 characters, without spaces. Make one: openssl rand -hex 32');

/** Where the provisioning log is exported to: `stdout`, a webhook, or a syslog server with its port. */
export const exportTarget = () =>
  z.string().superRefine((value, context) => {
    const problem = value === 'stdout' ? undefined : exportProblem(URL.parse(value));
    if (problem !== undefined) context.addIssue(problem);
  });

function exportProblem(url: URL | null): string | undefined {
  const form = 'must be stdout, https://…, syslog+tls://host:port, syslog+tcp://host:port or syslog+udp://host:port.';
  if (url === null) return form;
  if (url.hash !== '') return 'must not hold a "#" part. Remove it.';
  if (/^syslog\+(tls|tcp|udp):$/.test(url.protocol)) {
    if (url.hostname !== '' && url.port !== '' && ['', '/'].includes(url.pathname) && url.username === '')
      return undefined;
    return `must be ${url.protocol}//host:port and nothing else.`;
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) {
    return isPercentEncoded(`${url.username}${url.password}`)
      ? undefined
      : 'has a "%" in its user name or password that encodes nothing. Write it as %25.';
  }
  return url.protocol === 'http:'
    ? 'must begin with https://. Plain http is allowed on this machine only (localhost, 127.0.0.1, [::1]): personal data is sent there.'
    : form;
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A URL for printing: the password in it, and any query parameter that may be one, become `***`. */
export function maskUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null) return '***';
  if (url.password !== '') url.password = '***';
  for (const name of [...url.searchParams.keys()]) {
    if (/pass|secret|token|key/i.test(name)) url.searchParams.set(name, '***');
  }
  return url.href;
}

function splitList(value: string, separator: string): string[] {
  return value
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
