import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { describeSettings, loadSettings, type Settings, SettingsError } from '../src/settings.ts';
import { renderEnvExample, withSettingsTables } from '../src/settings-docs.ts';
import { settingNames } from '../src/settings-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const appId = '6204c1d1-4712-4c46-a7d9-3ed63d992682';

function load(env: NodeJS.ProcessEnv, yaml?: string | Uint8Array): Settings {
  if (yaml === undefined) return loadSettings({ env });
  const configFile = join(folder, 'sync.yaml');
  writeFileSync(configFile, yaml);
  return loadSettings({ env, configFile });
}

/** Loads with an app id, which most cases need and none is about. */
const loadAssigned = (env: NodeJS.ProcessEnv, yaml?: string) => load({ ENTRA_APP_ID: appId, ...env }, yaml);

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('reading', () => {
  test('has defaults for everything but the enterprise app', () => {
    expect(load({ ENTRA_APP_ID: appId.toUpperCase() })).toEqual({
      AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: false,
      AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com',
      GRAPH_BASE_URL: 'https://graph.microsoft.com',
      ENTRA_APP_ID: appId,
      SYNC_SCOPE: 'assigned',
      SYNC_NESTED_GROUPS: false,
      SYNC_SCHEDULE: ['0,40 */2 * * *', '20 1-23/2 * * *'],
      MAPTICIAN_SCIM_DIALECT: 'auto',
      MAPTICIAN_REQUESTS_PER_SECOND: 25,
      MAPTICIAN_SYNC_HOME: './data',
      CONSOLE_LISTEN: { host: '127.0.0.1', port: 4080 },
      FLOW_NULL_VALUES: true,
      HARD_DELETE_ACTION: 'delete',
      REMOVAL_LIMIT_COUNT: 500,
      REMOVAL_LIMIT_PERCENT: 25,
      WHEN_HELD: 'continue',
      HELD_EXPIRY_DAYS: 7,
      QUARANTINE_MIN_FAILURES: 20,
      QUARANTINE_PERCENT: 40,
      QUARANTINE_FAILURES: 40_000,
      DRIFT_SCHEDULE: ['30 2 * * *'],
      DRIFT_ACTION: 'report',
      LOG_LEVEL: 'info',
      MAIL_FROM: undefined,
      NOTIFICATION_WEBHOOK_FORMAT: 'auto',
      NO_CYCLE_ALERT_HOURS: 6,
    });
  });

  test('takes the environment over the file, and the file over the default', () => {
    const yaml = 'SYNC_SCOPE: all\nREMOVAL_LIMIT_COUNT: 20\nLOG_LEVEL: warn\nFLOW_NULL_VALUES: false\n';
    const settings = load({ REMOVAL_LIMIT_COUNT: '30', LOG_LEVEL: '' }, yaml);
    expect(settings).toMatchObject({
      SYNC_SCOPE: 'all',
      REMOVAL_LIMIT_COUNT: 30,
      LOG_LEVEL: 'warn',
      FLOW_NULL_VALUES: false,
      REMOVAL_LIMIT_PERCENT: 25,
    });
  });

  test('does without the file', () => {
    const configFile = join(folder, 'none.yaml');
    expect(loadSettings({ env: { SYNC_SCOPE: 'all' }, configFile }).SYNC_SCOPE).toBe('all');
  });

  test.each(['', '# only a comment\n', '---\n'])('takes the file %j as empty', (yaml) => {
    expect(load({ SYNC_SCOPE: 'all' }, yaml).LOG_LEVEL).toBe('info');
  });

  test('keeps the text of YAML values that look like numbers', () => {
    expect(loadAssigned({ AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c' }, 'AZURE_CLIENT_SECRET: 0012\n')).toMatchObject({
      AZURE_CLIENT_SECRET: '0012',
    });
  });

  test('drops the carriage return that an environment file from Windows leaves', () => {
    expect(loadAssigned({ LOG_LEVEL: 'debug\r' }).LOG_LEVEL).toBe('debug');
  });

  test.each<[name: keyof Settings, text: string, value: unknown]>([
    ['SYNC_SCOPE', 'ALL', 'all'],
    ['SYNC_SCHEDULE', '*/5 * * * *', ['*/5 * * * *']],
    ['SYNC_SCHEDULE', ' 0 * * * * ;30 2 * * MON; ', ['0 * * * *', '30 2 * * MON']],
    ['AZURE_AUTHORITY_HOST', 'https://login.microsoftonline.us/', 'https://login.microsoftonline.us'],
    ['AZURE_AUTHORITY_HOST', 'https://sts.example.com:8443/adfs', 'https://sts.example.com:8443/adfs'],
    ['AZURE_TENANT_ID', 'contoso.onmicrosoft.com', 'contoso.onmicrosoft.com'],
    ['AZURE_TOKEN_CREDENTIALS', 'managedidentitycredential', 'ManagedIdentityCredential'],
    ['AZURE_CLIENT_SEND_CERTIFICATE_CHAIN', '1', true],
    ['GRAPH_BASE_URL', 'https://graph.microsoft.us/', 'https://graph.microsoft.us'],
    ['GRAPH_BASE_URL', 'http://localhost:8080', 'http://localhost:8080'],
    ['GRAPH_BASE_URL', 'http://127.0.0.9:8080', 'http://127.0.0.9:8080'],
    ['GRAPH_BASE_URL', 'http://[::1]:8080', 'http://[::1]:8080'],
    ['MAPTICIAN_DATABASE_URL', 'postgresql:///db?host=/run/postgresql', 'postgresql:///db?host=/run/postgresql'],
    ['DATABASE_URL', 'postgres://u:p%40w@db:5432/sync', 'postgres://u:p%40w@db:5432/sync'],
    ['REDIS_URL', 'rediss://:pw@cache:6380/2', 'rediss://:pw@cache:6380/2'],
    ['FLOW_NULL_VALUES', 'False', false],
    ['HARD_DELETE_ACTION', 'deactivate', 'deactivate'],
    ['REMOVAL_LIMIT_COUNT', '0', 0],
    ['REMOVAL_LIMIT_PERCENT', '12.5', 12.5],
    ['DRIFT_SCHEDULE', 'OFF', []],
    ['DRIFT_SCHEDULE', '0 3 * * SUN', ['0 3 * * SUN']],
    ['CREATE_LIMIT', '50', { count: 50 }],
    ['UPDATE_LIMIT', '12.5 %', { percent: 12.5 }],
    ['DELETE_LIMIT', '10%,  20', { count: 20, percent: 10 }],
    ['LOG_LEVEL', 'silent', 'silent'],
    ['LOG_RETENTION_DAYS', '365', 365],
    ['LOG_EXPORT_URL', 'stdout', 'stdout'],
    ['LOG_EXPORT_URL', 'http://[::1]:8080/in', 'http://[::1]:8080/in'],
    ['LOG_EXPORT_URL', 'syslog+tls://[2001:db8::1]:6514', 'syslog+tls://[2001:db8::1]:6514'],
  ])('reads %s=%s', (name, text, value) => {
    expect(loadAssigned({ [name]: text })[name]).toEqual(value);
  });

  test('accepts a secret and a certificate together, as Azure does', () => {
    const env = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's' };
    expect(problemsOf(() => loadAssigned({ ...env, AZURE_CLIENT_CERTIFICATE_PATH: '/cert.pem' }))).toEqual([]);
  });

  test('accepts the SCIM user store', () => {
    const env = { MAPTICIAN_TENANT_URL: 'https://app.example.com/scim/?aadOptscim062020', MAPTICIAN_SECRET_TOKEN: 't' };
    expect(loadAssigned(env).MAPTICIAN_TENANT_URL).toBe('https://app.example.com/scim/?aadOptscim062020');
  });

  test.each([
    ['smtp://bot%40example.com:pw@mail.example.com:587', 'bot@example.com'],
    ['smtp://bot:pw@mail.example.com', 'maptician-sync@contoso.com'],
    ['smtp://localhost:25', 'maptician-sync@contoso.com'],
  ])('mails through %s from %s when MAIL_FROM is not set', (SMTP_URL, sender) => {
    const env = { SMTP_URL, NOTIFICATION_EMAIL: 'it@contoso.com, ops@example.org' };
    expect(loadAssigned(env)).toMatchObject({
      MAIL_FROM: sender,
      NOTIFICATION_EMAIL: ['it@contoso.com', 'ops@example.org'],
    });
  });

  test('leaves foreign names alone', () => {
    const foreign = {
      PATH: '/bin',
      AZURE_ADDITIONALLY_ALLOWED_TENANTS: '*',
      AZURE_CLIENT_ANYTHING: 'x',
      SYNCTHING: 'x',
      // Kubernetes sets these in every pod beside a service called "maptician-sync".
      MAPTICIAN_SYNC_SERVICE_HOST: '10.0.0.1',
      MAPTICIAN_SYNC_SERVICE_PORT_HTTP: '80',
      MAPTICIAN_SYNC_PORT: 'tcp://10.0.0.1:80',
      MAPTICIAN_SYNC_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(problemsOf(() => loadAssigned(foreign))).toEqual([]);
  });
});

describe('refusing', () => {
  test.each<[name: keyof Settings, text: string, says: RegExp]>([
    ['AZURE_TENANT_ID', 'a tenant', /must be the tenant id or a domain/],
    ['AZURE_AUTHORITY_HOST', 'http://localhost:8080', /must begin with https/],
    ['AZURE_AUTHORITY_HOST', 'login.microsoftonline.us', /must be a URL that begins with https/],
    ['AZURE_TOKEN_CREDENTIALS', 'production', /must be one of: prod, dev, EnvironmentCredential/],
    ['AZURE_CLIENT_SEND_CERTIFICATE_CHAIN', 'yes', /must be true or false/],
    ['GRAPH_BASE_URL', 'https://graph.microsoft.com/v1.0', /Write https:\/\/graph\.microsoft\.com;/],
    ['GRAPH_BASE_URL', 'https://graph.microsoft.com?x=1', /without a path/],
    ['GRAPH_BASE_URL', 'http://graph.microsoft.com', /http is allowed on this machine only/],
    ['GRAPH_BASE_URL', 'http://127.0.0.1.example.com', /http is allowed on this machine only/],
    ['GRAPH_BASE_URL', 'http://localhost.example.com', /http is allowed on this machine only/],
    ['GRAPH_BASE_URL', 'https:graph.microsoft.com', /must be a URL/],
    ['ENTRA_APP_ID', 'maptician', /must be an id like/],
    ['ENTRA_SERVICE_PRINCIPAL_ID', '6204c1d1', /must be an id like/],
    ['SYNC_SCOPE', 'everyone', /must be one of: assigned, all\. It is "everyone"/],
    ['SYNC_SCHEDULE', '0 * * * *; soon', /"soon" is no cron expression/],
    ['DRIFT_SCHEDULE', 'never', /"never" is no cron expression/],
    ['SYNC_SCHEDULE', ';', /holds no cron expression/],
    ['MAPTICIAN_DATABASE_URL', 'mysql://db/x', /must begin with postgres:\/\/ or postgresql:\/\//],
    ['DATABASE_URL', 'localhost:5432', /must be a URL that begins with postgres/],
    ['REDIS_URL', 'http://localhost:6379', /must begin with redis:\/\/ or rediss:\/\//],
    ['REDIS_URL', 'redis://', /names no host/],
    ['LOG_EXPORT_URL', 'http://siem.example.com/in', /must begin with https/],
    ['LOG_EXPORT_URL', 'https://siem:100%@siem.example.com/in', /"%" in its user name or password.*%25/],
    ['LOG_EXPORT_URL', 'syslog+tls://siem.example.com', /must be syslog\+tls:\/\/host:port/],
    ['LOG_EXPORT_URL', 'syslog://siem.example.com:514', /must be stdout, https/],
    ['LOG_RETENTION_DAYS', '0', /from 1/],
    ['SMTP_URL', 'mail.example.com', /must be a URL that begins with smtp/],
    ['MAIL_FROM', 'sync', /must be an address like/],
    ['MAIL_FROM', 'Sync <a@example.com>\nBcc: b@example.com', /must be an address like/],
    ['MAIL_GRAPH_SENDER', 'sync', /must be the userPrincipalName of a mailbox/],
    ['NOTIFICATION_WEBHOOK_URL', 'http://chat.example/x', /http is allowed on this machine only/],
    ['NOTIFICATION_WEBHOOK_FORMAT', 'discord', /must be one of: auto, teams, slack/],
    ['NO_CYCLE_ALERT_HOURS', '0', /must be a whole number from 1 to 720/],
    ['FLOW_NULL_VALUES', 'never', /must be true or false/],
    ['HARD_DELETE_ACTION', 'keep', /must be one of: delete, deactivate/],
    ['REMOVAL_LIMIT_COUNT', '-1', /must be a whole number from 0/],
    ['REMOVAL_LIMIT_COUNT', '2.5', /must be a whole number/],
    ['REMOVAL_LIMIT_PERCENT', '25 %', /must be a number from 0 to 100, without a unit/],
    ['DEACTIVATE_LIMIT', 'many', /must be a count such as 50, a percentage such as 10%, or both/],
    ['DEACTIVATE_LIMIT', '101%', /must be a count/],
    ['DEACTIVATE_LIMIT', '5, 6', /must be a count/],
    ['REMOVAL_LIMIT_PERCENT', '101', /from 0 to 100/],
    ['LOG_LEVEL', 'loud', /must be one of: fatal, error/],
  ])('refuses %s=%s', (name, text, says) => {
    const env = name.startsWith('ENTRA_') ? { [name]: text } : { ENTRA_APP_ID: appId, [name]: text };
    const problems = problemsOf(() => load(env));
    expect(problems).toEqual([expect.stringMatching(says)]);
    expect(problems[0]).toContain(name);
  });

  test.each<[what: string, env: NodeJS.ProcessEnv, says: RegExp]>([
    ['no enterprise app', {}, /Neither ENTRA_APP_ID nor .* or set SYNC_SCOPE to all/],
    [
      'two enterprise apps',
      { ENTRA_APP_ID: appId, ENTRA_SERVICE_PRINCIPAL_ID: appId },
      /are both set\. Remove one of them/,
    ],
    ['a secret alone', { AZURE_CLIENT_SECRET: 's' }, /set without AZURE_TENANT_ID and AZURE_CLIENT_ID/],
    [
      'a certificate without a client',
      { AZURE_TENANT_ID: 't', AZURE_CLIENT_CERTIFICATE_PATH: 'c' },
      /set without AZURE_CLIENT_ID/,
    ],
    [
      'a certificate password alone',
      { AZURE_CLIENT_CERTIFICATE_PASSWORD: 'p' },
      /without AZURE_CLIENT_CERTIFICATE_PATH/,
    ],
    ['a federated token alone', { AZURE_FEDERATED_TOKEN_FILE: 'f' }, /set without AZURE_TENANT_ID and AZURE_CLIENT_ID/],
    ['a secret without an export', { LOG_EXPORT_SECRET: 's' }, /set without LOG_EXPORT_URL/],
    ['a recipient without a server', { NOTIFICATION_EMAIL: 'a@example.com' }, /set without SMTP_URL/],
    [
      'a kind of mail that there is not',
      { SMTP_URL: 'smtp://a', NOTIFICATION_EMAIL_BY_KIND: 'held=a@example.com; alarm=a@example.com' },
      /part 2 begins with no known kind\. They are: failures, quarantine, held, warning, credentials, recovery, silence/,
    ],
    [
      'a kind of mail without an address',
      { SMTP_URL: 'smtp://a', NOTIFICATION_EMAIL_BY_KIND: 'held=hr' },
      /part 1 \(held\) needs addresses/,
    ],
    [
      'two ways to mail',
      { SMTP_URL: 'smtp://a', MAIL_GRAPH_SENDER: 'sync@example.com' },
      /MAIL_GRAPH_SENDER and SMTP_URL are both set/,
    ],
    ['a tenant URL without a token', { MAPTICIAN_TENANT_URL: 'https://a.example' }, /without MAPTICIAN_SECRET_TOKEN/],
    ['a token without a tenant URL', { MAPTICIAN_SECRET_TOKEN: 't' }, /set without MAPTICIAN_TENANT_URL/],
    [
      'two user stores',
      {
        MAPTICIAN_TENANT_URL: 'https://a.example',
        MAPTICIAN_SECRET_TOKEN: 't',
        MAPTICIAN_DATABASE_URL: 'postgres://db/m',
      },
      /MAPTICIAN_TENANT_URL and MAPTICIAN_DATABASE_URL are both set/,
    ],
  ])('refuses %s', (what, env, says) => {
    const scope = what.includes('enterprise app') ? {} : { SYNC_SCOPE: 'all' };
    expect(problemsOf(() => load({ ...scope, ...env }))).toEqual([expect.stringMatching(says)]);
  });

  test.each([
    ['SYNC_SCHEDUL', 'SYNC_SCHEDULE'],
    ['ENTRA_APPID', 'ENTRA_APP_ID'],
    ['GRAPH_URL', 'GRAPH_BASE_URL'],
    ['MAPTICIAN_DB_URL', 'MAPTICIAN_DATABASE_URL'],
    ['REMOVAL_LIMIT', 'REMOVAL_LIMIT_COUNT'],
  ])('refuses the unknown %s and suggests %s', (name, nearest) => {
    expect(problemsOf(() => loadAssigned({ [name]: 'x' }))).toEqual([
      expect.stringMatching(new RegExp(`^${name}: .*Did you mean ${nearest}\\?`)),
    ]);
  });

  test('refuses every unknown key in the file, and says where it stands', () => {
    const problems = problemsOf(() => loadAssigned({}, 'PATH: /bin\nlog_level: info\n'));
    expect(problems).toEqual([
      expect.stringMatching(/^PATH in .*sync\.yaml: no setting has this name/),
      expect.stringMatching(/^log_level in .*sync\.yaml: .*Did you mean LOG_LEVEL\?/),
    ]);
  });

  test.each([
    ['SYNC_SCHEDULE: */40 * * * *\n', /line 1: not valid YAML/],
    ['LOG_LEVEL: info\nLOG_LEVEL: warn\n', /line 2: not valid YAML \(duplicate key\)/],
    ['AZURE_CLIENT_SECRET: "hunter2\n', /not valid YAML \(missing char\)/],
    ['NOTIFICATION_EMAIL: [a@example.com]\n', /NOTIFICATION_EMAIL in .* must be one value/],
    ['- LOG_LEVEL\n', /must hold lines of the form NAME: value/],
    ['LOG_LEVEL: loud\n', /LOG_LEVEL in .*sync\.yaml: must be one of/],
  ])('refuses the file %j', (yaml, says) => {
    const problems = problemsOf(() => loadAssigned({}, yaml));
    expect(problems).toEqual([expect.stringMatching(says)]);
    expect(problems.join()).not.toContain('hunter2');
  });

  test('refuses a file that it cannot read', () => {
    expect(problemsOf(() => loadSettings({ env: { SYNC_SCOPE: 'all' }, configFile: folder }))).toEqual([
      expect.stringMatching(/cannot be read \(EISDIR\)/),
    ]);
  });

  test('tells every problem in one message', () => {
    const env = { SYNC_SCOP: 'all', LOG_LEVEL: 'loud', REDIS_URL: 'x', MAPTICIAN_SECRET_TOKEN: 't' };
    const yaml = 'COLOUR: red\nFLOW_NULL_VALUES: maybe\n';
    const problems = problemsOf(() => load(env, yaml));
    expect(problems).toHaveLength(7);
    expect(() => load(env, yaml)).toThrow(`The settings have 7 problems:\n  - ${problems.join('\n  - ')}`);
  });

  test('never tells a secret or an address', () => {
    const env = {
      DATABASE_URL: 'postgres://u:hunter2#@db/x',
      REDIS_URL: 'http://:hunter2@cache',
      SMTP_URL: 'hunter2',
      GRAPH_BASE_URL: 'https://u:hunter2@graph.microsoft.com',
      NOTIFICATION_EMAIL: 'hunter2, b@example.com',
      NOTIFICATION_EMAIL_BY_KIND: 'held=hunter2',
      NOTIFICATION_WEBHOOK_URL: 'http://chat.example/hunter2',
      MAIL_FROM: 'hunter2',
      CONSOLE_OPERATOR_TOKEN: 'hunter2',
    };
    const problems = problemsOf(() => loadAssigned(env));
    expect(problems).toHaveLength(9);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('the console', () => {
  const token = 'a-token-of-more-than-32-characters-0123';
  const entra = { CONSOLE_CLIENT_ID: appId, CONSOLE_CLIENT_SECRET: 's', AZURE_TENANT_ID: 'contoso.com' };
  const certificate = { CONSOLE_TLS_CERTIFICATE_PATH: '/c.pem', CONSOLE_TLS_KEY_PATH: '/k.pem' };
  const everywhere = { CONSOLE_LISTEN: '0.0.0.0:4080' };
  const proxy = { CONSOLE_URL: 'https://sync.example.com' };

  test.each<[what: string, env: NodeJS.ProcessEnv]>([
    ['on this machine', {}],
    ['on this machine by another name', { CONSOLE_LISTEN: '[::1]:80', CONSOLE_URL: 'http://localhost:8080' }],
    ['on this machine with sign-in', { CONSOLE_READER_TOKEN: token }],
    ['with its own certificate', { ...everywhere, ...certificate, CONSOLE_OPERATOR_TOKEN: token }],
    ['behind a proxy on another machine', { ...everywhere, ...proxy, ...entra }],
    ['behind a proxy on this machine', { ...proxy, ...entra }],
    ['at an address of its own', { ...certificate, ...entra, CONSOLE_LISTEN: 'sync.example.com:443' }],
    ['not at all', { ...proxy, CONSOLE_LISTEN: 'off' }],
  ])('runs %s', (_, env) => {
    expect(problemsOf(() => loadAssigned(env))).toEqual([]);
  });

  test.each<[what: string, env: NodeJS.ProcessEnv, says: RegExp]>([
    ['in the open', { ...everywhere, ...certificate }, /^CONSOLE_LISTEN .* no way to sign in.* listen on 127\.0\.0\.1/],
    ['in the open behind a proxy', { CONSOLE_LISTEN: '[::]:1', ...proxy }, /^CONSOLE_LISTEN .* no way to sign in/],
    ['at an address elsewhere', proxy, /^CONSOLE_URL .* no way to sign in.* remove CONSOLE_URL/],
    ['in the clear', { ...everywhere, CONSOLE_READER_TOKEN: token }, /without TLS.*set CONSOLE_URL to its https/],
    ['with half a certificate', { CONSOLE_TLS_KEY_PATH: 'k' }, /set without CONSOLE_TLS_CERTIFICATE_PATH/],
    ['with https under http', { ...certificate, CONSOLE_URL: 'http://localhost:1' }, /^CONSOLE_URL .* Write https/],
    ['with Entra at no address', { ...everywhere, ...certificate, ...entra }, /^CONSOLE_CLIENT_ID .* Set CONSOLE_URL/],
    [
      'with half an app registration',
      { CONSOLE_CLIENT_ID: appId },
      /without CONSOLE_CLIENT_SECRET and AZURE_TENANT_ID/,
    ],
    ['for every tenant', { ...entra, AZURE_TENANT_ID: 'Organizations' }, /^AZURE_TENANT_ID names no tenant/],
    ['with one token for all', { CONSOLE_READER_TOKEN: token, CONSOLE_OPERATOR_TOKEN: token }, /is the same as/],
    ['with a token that is guessed', { CONSOLE_OPERATOR_TOKEN: 'secret' }, /at least 32 characters/],
    ['without a port', { CONSOLE_LISTEN: '127.0.0.1' }, /must be an address and a port/],
    ['with a path', { CONSOLE_URL: 'http://localhost/sync' }, /must be an origin without a path/],
  ])('does not run %s', (_, env, says) => {
    expect(problemsOf(() => loadAssigned(env))).toEqual([expect.stringMatching(says)]);
  });
});

describe('printing', () => {
  test('masks secrets, and passwords inside URLs', () => {
    const printed = describeSettings(
      load(
        {
          ENTRA_APP_ID: appId,
          AZURE_TENANT_ID: 'contoso.com',
          AZURE_CLIENT_ID: 'client',
          AZURE_CLIENT_SECRET: 'hunter2',
          AZURE_CLIENT_CERTIFICATE_PATH: '/cert.pem',
          AZURE_CLIENT_CERTIFICATE_PASSWORD: 'hunter2',
          DATABASE_URL: 'postgres://sync:hunter2@db/sync?sslmode=require&sslpassword=hunter2',
          REDIS_URL: 'redis://:hunter2@cache',
          SMTP_URL: 'smtp://bot:hunter2@mail:25',
          NOTIFICATION_EMAIL: 'a@example.com,b@example.com',
          NOTIFICATION_EMAIL_BY_KIND: 'held=a@example.com,b@example.com;warning=nobody',
          NOTIFICATION_WEBHOOK_URL: 'https://chat.example/hunter2',
        },
        '',
      ),
    );
    expect(printed).not.toContain('hunter2');
    const lines = printed.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'AZURE_TENANT_ID=contoso.com',
        'AZURE_CLIENT_SECRET=***',
        'DATABASE_URL=postgres://sync:***@db/sync?sslmode=require&sslpassword=***',
        'REDIS_URL=redis://:***@cache',
        'SMTP_URL=smtp://bot:***@mail:25',
        'NOTIFICATION_EMAIL=a@example.com, b@example.com',
        'NOTIFICATION_EMAIL_BY_KIND=held=a@example.com, b@example.com; warning=nobody',
        'NOTIFICATION_WEBHOOK_URL=***',
        'SYNC_SCHEDULE=0,40 */2 * * *; 20 1-23/2 * * *',
      ]),
    );
    expect(lines.some((line) => line.startsWith('MAPTICIAN_DATABASE_URL'))).toBe(false);
  });

  test('masks the token of the SCIM user store', () => {
    const env = { MAPTICIAN_TENANT_URL: 'https://a.example/scim', MAPTICIAN_SECRET_TOKEN: 'hunter2' };
    expect(describeSettings(loadAssigned(env))).toContain('MAPTICIAN_SECRET_TOKEN=***');
  });
});

describe('documentation', () => {
  const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
  const mend = 'run "npm run docs:settings"';

  test('.env.example is what the schema says', () => {
    expect(read('.env.example'), mend).toBe(renderEnvExample());
  });

  test("the README's tables are what the schema says", () => {
    const readme = read('README.md');
    expect(readme, mend).toBe(withSettingsTables(readme));
  });

  test('the file that is shipped sets nothing', () => {
    expect(load({ SYNC_SCOPE: 'all' }, read('config/sync.yaml'))).toEqual(load({ SYNC_SCOPE: 'all' }));
  });
});

describe('anything at all', () => {
  const values = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'all',
      'true',
      '0',
      'redis://',
      'postgres:',
      'https://',
      'https://[',
      '* * * * *',
      ';',
      'a@b',
      '<>',
    ),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
  );
  const names = fc.oneof(
    fc.constantFrom(...settingNames),
    fc.string().map((rest) => `SYNC_${rest}`),
    fc.constantFrom('__proto__', 'constructor', 'toString'),
  );
  const yamlText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.tuple(names, values).map(([name, value]) => `${name}: ${value}\n`)).map((lines) => lines.join('')),
    fc.string({ unit: fc.constantFrom('&a', '*a', '[', ']', '{', '}', ':', ' ', '\n', '- ', '!', '"', '---\n', '<<') }),
  );

  test('in the environment and the file is either accepted or refused with a SettingsError', () => {
    fc.assert(
      fc.property(fc.dictionary(names, values, { noNullPrototype: false }), yamlText, (env, yaml) => {
        let settings: Settings | undefined;
        try {
          settings = load(env, yaml);
        } catch (error) {
          expect(error).toBeInstanceOf(SettingsError);
        }
        if (settings !== undefined) expect(describeSettings(settings)).toContain('SYNC_SCOPE=');
      }),
      { numRuns: 500 },
    );
  });
});
