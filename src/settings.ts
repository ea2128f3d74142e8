/** Reads the settings: the environment over `config/sync.yaml` over the defaults, all problems in one message. */

import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { parseYaml } from './read-yaml.ts';
import { aboutSetting, type SettingName, settingNames, settingsSchema } from './settings-schema.ts';
import { isEveryAddress, isLoopback, isLoopbackAddress, maskUrl } from './settings-values.ts';

/** The effective settings, keyed by the variables' names; what is not set and has no default is undefined. */
export type Settings = z.output<typeof settingsSchema>;

/** The settings cannot be used. `problems` holds every reason, each with what to do about it, none with a secret. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`The settings have ${count}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** A setting as written, before its form is checked. */
interface Given {
  readonly text: string;
  /** The file it comes from; undefined for the environment. */
  readonly file: string | undefined;
}
type GivenSettings = Map<string, Given>;

/** The environment belongs to others too: unknown names are refused only where they begin like ours. */
const ownPrefixes =
  /^(MAPTICIAN|SYNC|ENTRA|GRAPH|NOTIFICATION|NO_CYCLE|MAIL_GRAPH|REMOVAL|FLOW|HARD_DELETE|DRIFT|DELETE_INACTIVE|HELD_EXPIRY|LOG_EXPORT|LOG_RETENTION|CONSOLE)_/;

/** Kubernetes and Docker links add such names for every service, so for one called "maptician-sync" as well. */
const injectedNames = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$/;

/**
 * Reads and checks the settings.
 * @param options.env the environment; an empty value counts as not set
 * @param options.configFile a YAML file with the same names as keys; it need not exist
 * @throws SettingsError with all problems
 */
export function loadSettings(options: { env: NodeJS.ProcessEnv; configFile?: string }): Settings {
  const problems: string[] = [];
  const given: GivenSettings = new Map();
  if (options.configFile !== undefined) readConfigFile(options.configFile, given, problems);
  readEnvironment(options.env, given, problems);

  const values = Object.fromEntries([...given].map(([name, { text }]) => [name, text]));
  const parsed = settingsSchema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    problems.push(malformed(String(issue.path[0]) as SettingName, issue.message, given));
  }
  problems.push(...contradictions(given));
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems);

  const settings = parsed.data;
  return { ...settings, MAIL_FROM: settings.MAIL_FROM ?? defaultSender(settings) };
}

/** The effective settings for printing, one `NAME=value` a line, with secrets masked. */
export function describeSettings(settings: Settings): string {
  return effectiveSettings(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

/** The settings that have a value, as an operator would write it, with secrets masked. */
export function effectiveSettings(settings: Settings): [SettingName, string][] {
  return settingNames.flatMap((name): [SettingName, string][] => {
    const value = settings[name];
    if (value === undefined) return [];
    if (value === null) return [[name, 'off']];
    const written = asWritten(name, value);
    const { sensitive } = aboutSetting(name);
    if (sensitive === 'secret') return [[name, '***']];
    return [[name, sensitive === 'url' ? maskUrl(written) : written]];
  });
}

function asWritten(name: SettingName, value: NonNullable<Settings[SettingName]>): string {
  if (Array.isArray(value)) return value.join(name.endsWith('_SCHEDULE') ? '; ' : ', ') || 'off';
  if (typeof value !== 'object') return String(value);
  if ('port' in value) return `${value.host.includes(':') ? `[${value.host}]` : value.host}:${value.port}`;
  if (!('count' in value || 'percent' in value)) {
    const parts = Object.entries(value).map(([kind, list]) => `${kind}=${list.join(', ') || 'nobody'}`);
    return parts.join('; ');
  }
  const { count, percent } = value;
  return [count, percent === undefined ? undefined : `${percent}%`].filter((part) => part !== undefined).join(', ');
}

function readEnvironment(env: NodeJS.ProcessEnv, given: GivenSettings, problems: string[]): void {
  for (const [name, value] of Object.entries(env)) {
    const text = value?.trim() ?? '';
    if (isSettingName(name)) {
      if (text !== '') given.set(name, { text, file: undefined });
    } else if (ownPrefixes.test(name) && !injectedNames.test(name)) {
      problems.push(`${name}: no setting has this name. ${suggestion(name)}`);
    }
  }
}

function readConfigFile(file: string, given: GivenSettings, problems: string[]): void {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code !== 'ENOENT') problems.push(`${file}: it cannot be read (${code}). Mend its permissions, or remove it.`);
    return;
  }
  const entries = parseConfig(file, source, problems);
  for (const [key, value] of entries) {
    const name = String(key);
    if (!isSettingName(name)) {
      problems.push(`${name.slice(0, 60)} in ${file}: no setting has this name. ${suggestion(name)}`);
    } else if (typeof value !== 'string') {
      problems.push(`${name} in ${file}: must be one value. Write several as one text, as in the environment.`);
    } else if (value.trim() !== '') {
      given.set(name, { text: value.trim(), file });
    }
  }
}

/** The file's top-level keys and values. Scalars stay text, so that 0012 and true mean what they mean in the environment. */
function parseConfig(file: string, source: string, problems: string[]): Map<unknown, unknown> {
  const { document, lines, errors } = parseYaml(source, { schema: 'failsafe' });
  // The parser's own messages quote the source, which may be a secret: only the line and the kind of error are told.
  const error = errors[0] ?? document.warnings[0];
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    const kind = error.code.toLowerCase().replaceAll('_', ' ');
    problems.push(`${file}, line ${line}: not valid YAML (${kind}). Put values with special characters in "quotes".`);
    return new Map();
  }
  const content = unlessItThrows(() => document.toJS({ mapAsMap: true }));
  if (content instanceof Map) return content;
  if (content === null || content === '') return new Map();
  problems.push(`${file}: must hold lines of the form NAME: value.`);
  return new Map();
}

/** The parser throws on anchors that refer to each other too often. */
function unlessItThrows(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function malformed(name: SettingName, problem: string, given: GivenSettings): string {
  const value = given.get(name);
  const where = value?.file === undefined ? name : `${name} in ${value.file}`;
  const shown =
    value === undefined || aboutSetting(name).sensitive !== undefined || value.text.includes('@')
      ? ''
      : ` It is "${value.text.length > 80 ? `${value.text.slice(0, 80)}…` : value.text}".`;
  return `${where}: ${problem}${shown}`;
}

/** Settings that are fine one by one and cannot hold together. */
function contradictions(given: GivenSettings): string[] {
  const has = (name: SettingName) => given.has(name);
  const problems: string[] = [];
  const needs = (name: SettingName, others: SettingName[]) => {
    const missing = others.filter((other) => !has(other));
    if (has(name) && missing.length > 0) {
      problems.push(
        `${name} is set without ${missing.join(' and ')}. Set ${missing.join(' and ')}, or remove ${name}.`,
      );
    }
  };
  const excludes = (name: SettingName, other: SettingName) => {
    if (has(name) && has(other)) problems.push(`${name} and ${other} are both set. Remove one of them.`);
  };

  needs('AZURE_CLIENT_SECRET', ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID']);
  needs('AZURE_CLIENT_CERTIFICATE_PATH', ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID']);
  needs('AZURE_FEDERATED_TOKEN_FILE', ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID']);
  needs('AZURE_CLIENT_CERTIFICATE_PASSWORD', ['AZURE_CLIENT_CERTIFICATE_PATH']);
  excludes('ENTRA_APP_ID', 'ENTRA_SERVICE_PRINCIPAL_ID');
  const scope = given.get('SYNC_SCOPE')?.text.toLowerCase() ?? 'assigned';
  if (scope === 'assigned' && !has('ENTRA_APP_ID') && !has('ENTRA_SERVICE_PRINCIPAL_ID')) {
    problems.push(
      'Neither ENTRA_APP_ID nor ENTRA_SERVICE_PRINCIPAL_ID is set. Set one to the id of the Maptician enterprise application, or set SYNC_SCOPE to all.',
    );
  }
  needs('MAPTICIAN_TENANT_URL', ['MAPTICIAN_SECRET_TOKEN']);
  needs('MAPTICIAN_SECRET_TOKEN', ['MAPTICIAN_TENANT_URL']);
  excludes('MAPTICIAN_TENANT_URL', 'MAPTICIAN_DATABASE_URL');
  needs('LOG_EXPORT_SECRET', ['LOG_EXPORT_URL']);
  needs('CONSOLE_TLS_CERTIFICATE_PATH', ['CONSOLE_TLS_KEY_PATH']);
  needs('CONSOLE_TLS_KEY_PATH', ['CONSOLE_TLS_CERTIFICATE_PATH']);
  needs('CONSOLE_CLIENT_ID', ['CONSOLE_CLIENT_SECRET', 'AZURE_TENANT_ID']);
  needs('CONSOLE_CLIENT_SECRET', ['CONSOLE_CLIENT_ID']);
  needs('OTEL_EXPORTER_OTLP_HEADERS', ['OTEL_EXPORTER_OTLP_ENDPOINT']);
  problems.push(...consoleProblems(given));
  excludes('MAIL_GRAPH_SENDER', 'SMTP_URL');
  for (const name of ['NOTIFICATION_EMAIL', 'NOTIFICATION_EMAIL_BY_KIND'] as const) {
    if (has(name) && !has('SMTP_URL') && !has('MAIL_GRAPH_SENDER')) {
      problems.push(
        `${name} is set without SMTP_URL or MAIL_GRAPH_SENDER. Set one of them, or remove ${name}; NOTIFICATION_WEBHOOK_URL needs none.`,
      );
    }
  }
  return problems;
}

/** A console that others than this machine reach asks who they are, and nobody on the way hears the answer. */
function consoleProblems(given: GivenSettings): string[] {
  const { CONSOLE_LISTEN, CONSOLE_URL } = settingsSchema.shape;
  const address = CONSOLE_LISTEN.safeParse(given.get('CONSOLE_LISTEN')?.text).data ?? null;
  if (address === null) return [];
  const has = (name: SettingName) => given.has(name);
  const url = URL.parse(CONSOLE_URL.safeParse(given.get('CONSOLE_URL')?.text).data ?? '');
  const ownTls = has('CONSOLE_TLS_CERTIFICATE_PATH');
  const signIn = has('CONSOLE_CLIENT_ID') || has('CONSOLE_OPERATOR_TOKEN') || has('CONSOLE_READER_TOKEN');
  const beyond = isLoopbackAddress(address)
    ? url !== null && !isLoopback(url) && ('CONSOLE_URL' as const)
    : ('CONSOLE_LISTEN' as const);
  const problems: string[] = [];
  if (beyond !== false && !signIn) {
    problems.push(
      `${beyond} is reached from other machines, and there is no way to sign in. Set CONSOLE_CLIENT_ID or CONSOLE_OPERATOR_TOKEN, or ${beyond === 'CONSOLE_LISTEN' ? 'listen on 127.0.0.1' : 'remove CONSOLE_URL'}.`,
    );
  }
  if (beyond === 'CONSOLE_LISTEN' && !ownTls && url?.protocol !== 'https:') {
    problems.push(
      'CONSOLE_LISTEN is reached from other machines, and without TLS. Set CONSOLE_TLS_CERTIFICATE_PATH and CONSOLE_TLS_KEY_PATH; or, with a proxy in front that has TLS, set CONSOLE_URL to its https:// address.',
    );
  }
  if (ownTls && url?.protocol === 'http:') {
    problems.push('CONSOLE_URL begins with http://, and the console has a certificate. Write https://.');
  }
  if (has('CONSOLE_CLIENT_ID') && url === null && isEveryAddress(address)) {
    problems.push(
      'CONSOLE_CLIENT_ID is set without CONSOLE_URL, and CONSOLE_LISTEN names no address that Entra could send people back to. Set CONSOLE_URL to the address under which they reach the console.',
    );
  }
  if (
    has('CONSOLE_CLIENT_ID') &&
    /^(common|organizations|consumers)$/i.test(given.get('AZURE_TENANT_ID')?.text ?? '')
  ) {
    problems.push(
      'AZURE_TENANT_ID names no tenant, and CONSOLE_CLIENT_ID would let people of any sign in. Set AZURE_TENANT_ID to the id of yours.',
    );
  }
  if (
    has('CONSOLE_READER_TOKEN') &&
    given.get('CONSOLE_READER_TOKEN')?.text === given.get('CONSOLE_OPERATOR_TOKEN')?.text
  ) {
    problems.push(
      'CONSOLE_READER_TOKEN is the same as CONSOLE_OPERATOR_TOKEN, so readers could do everything. Make another one: openssl rand -hex 32',
    );
  }
  return problems;
}

/** Mail servers often accept a sender only from its own user or domain, so those are the first guesses. */
function defaultSender({ SMTP_URL, NOTIFICATION_EMAIL, NOTIFICATION_EMAIL_BY_KIND }: Settings): string | undefined {
  const [recipient] = [...(NOTIFICATION_EMAIL ?? []), ...Object.values(NOTIFICATION_EMAIL_BY_KIND ?? {}).flat()];
  if (SMTP_URL === undefined || recipient === undefined) return undefined;
  const user = URL.parse(SMTP_URL)?.username.replaceAll('%40', '@') ?? '';
  if (settingsSchema.shape.MAIL_FROM.safeParse(user).success) return user;
  return `maptician-sync@${recipient.slice(recipient.lastIndexOf('@') + 1)}`;
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsSchema.shape, name);
}

function suggestion(name: string): string {
  const wanted = name.slice(0, 60).toUpperCase();
  const nearest = settingNames
    // A shared first word counts for two letters: GRAPH_URL is nearer to GRAPH_BASE_URL than to SMTP_URL.
    .map((candidate) => ({
      candidate,
      distance: editDistance(wanted, candidate) - (firstWord(candidate) === firstWord(wanted) ? 2 : 0),
    }))
    .reduce((best, next) => (next.distance < best.distance ? next : best));
  return nearest.distance <= wanted.length / 2
    ? `Did you mean ${nearest.candidate}? Rename or remove it.`
    : 'Remove it; the README lists the settings.';
}

const firstWord = (name: string) => name.split('_', 1)[0];

/** Levenshtein's distance: the least number of letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
