/** Every setting, once: its form, its default, and what the documentation says of it. */

import { z } from 'zod';
import { notificationKinds } from './notify/kinds.ts';
import {
  addresses,
  addressesByKind,
  amount,
  connectionUrl,
  exportTarget,
  flag,
  guid,
  limit,
  listenAddress,
  mailbox,
  oneOf,
  schedule,
  scheduleOrOff,
  sender,
  serviceUrl,
  signInToken,
  text,
  textLike,
} from './settings-values.ts';

/** What is known of a setting besides its form. */
export interface SettingAbout {
  /** The heading under which the documentation lists it. */
  readonly group:
    | 'Sign-in to Microsoft Entra'
    | 'What is read'
    | 'Where users go'
    | 'State and queue'
    | 'Mail'
    | 'Provisioning log'
    | 'Console'
    | 'Rules'
    | 'Limits';
  /** One or two sentences, with code in backticks. */
  readonly about: string;
  /** What holds when it is not set, in words; only where the schema has no default. */
  readonly unset?: string;
  /** A value to show in `.env.example`. */
  readonly example?: string;
  /** `secret` is masked when printed, `url` masks the password in it; `personal` is printed but never put in a message. */
  readonly sensitive?: 'secret' | 'url' | 'personal';
}

const registry = z.registry<SettingAbout>();

const signIn = 'Sign-in to Microsoft Entra';
const database = { schemes: ['postgres', 'postgresql'], options: { hostNeeded: false } };

/**
 * The schema. Keys are the variables' names. The AZURE_ ones have the meaning that @azure/identity gives them
 * (https://learn.microsoft.com/javascript/api/overview/azure/identity-readme#environment-variables).
 */
export const settingsSchema = z.object({
  AZURE_TENANT_ID: textLike(/^[0-9a-zA-Z.-]+$/, 'must be the tenant id or a domain of the tenant.')
    .optional()
    .register(registry, {
      group: signIn,
      about: 'The directory (tenant) id.',
      unset: 'needed with a secret, a certificate or a federated token; not with a managed identity',
      example: '00000000-0000-0000-0000-000000000000',
    }),
  AZURE_CLIENT_ID: text().optional().register(registry, {
    group: signIn,
    about: 'The application (client) id of the app registration, or the client id of a user-assigned managed identity.',
    unset: 'needed with a secret, a certificate or a federated token',
    example: '00000000-0000-0000-0000-000000000000',
  }),
  AZURE_CLIENT_SECRET: text().optional().register(registry, {
    group: signIn,
    about: 'The client secret. It is used instead of the certificate when both are set.',
    unset: 'the certificate, the federated token or the managed identity signs in',
    sensitive: 'secret',
  }),
  AZURE_CLIENT_CERTIFICATE_PATH: text().optional().register(registry, {
    group: signIn,
    about: 'The path of a PEM file with the certificate and its private key.',
  }),
  AZURE_CLIENT_CERTIFICATE_PASSWORD: text().optional().register(registry, {
    group: signIn,
    about: 'The password of that file.',
    unset: 'the file has none',
    sensitive: 'secret',
  }),
  AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: flag().prefault('false').register(registry, {
    group: signIn,
    about: 'Whether the certificate chain is sent, for subject name and issuer authentication.',
  }),
  AZURE_FEDERATED_TOKEN_FILE: text().optional().register(registry, {
    group: signIn,
    about: 'The path of the token file of a workload identity. Azure Kubernetes Service sets it.',
  }),
  AZURE_TOKEN_CREDENTIALS: oneOf([
    'prod',
    'dev',
    'EnvironmentCredential',
    'WorkloadIdentityCredential',
    'ManagedIdentityCredential',
    'VisualStudioCodeCredential',
    'AzureCliCredential',
    'AzurePowerShellCredential',
    'AzureDeveloperCliCredential',
  ])
    .optional()
    .register(registry, {
      group: signIn,
      about:
        'Narrows the kinds of credential that are tried: `prod`, `dev`, or the name of one, such as `ManagedIdentityCredential`.',
      unset: 'each kind is tried in turn, a secret first',
    }),
  AZURE_AUTHORITY_HOST: serviceUrl({ loopback: false, path: 'plain' })
    .prefault('https://login.microsoftonline.com')
    .register(registry, {
      group: signIn,
      about: 'The authority that issues tokens: another cloud, or any https authority.',
    }),
  GRAPH_BASE_URL: serviceUrl({ loopback: true, path: 'none' })
    .prefault('https://graph.microsoft.com')
    .register(registry, {
      group: signIn,
      about: 'The origin of Microsoft Graph. Tokens go there and nowhere else. https, or http on this machine.',
    }),

  ENTRA_APP_ID: guid().optional().register(registry, {
    group: 'What is read',
    about: 'The application id of the Maptician enterprise application, whose assigned users are kept up to date.',
    unset: 'this or `ENTRA_SERVICE_PRINCIPAL_ID` is needed, unless `SYNC_SCOPE` is `all`',
    example: '00000000-0000-0000-0000-000000000000',
  }),
  ENTRA_SERVICE_PRINCIPAL_ID: guid().optional().register(registry, {
    group: 'What is read',
    about: 'The object id of that enterprise application, instead of `ENTRA_APP_ID`.',
  }),
  SYNC_SCOPE: oneOf(['assigned', 'all']).prefault('assigned').register(registry, {
    group: 'What is read',
    about:
      '`assigned`: the users assigned to the enterprise application, directly or through a group. `all`: every user of the tenant.',
  }),
  SYNC_NESTED_GROUPS: flag().prefault('false').register(registry, {
    group: 'What is read',
    about:
      "`true`: members of groups within an assigned group are assigned, too. They are listed in every cycle. `false`: direct members only, as with Microsoft's own service.",
  }),
  SYNC_SCHEDULE: schedule().prefault('0,40 */2 * * *; 20 1-23/2 * * *').register(registry, {
    group: 'What is read',
    about: 'When cycles run: cron expressions, `;` between several. The default is exactly every 40 minutes.',
  }),

  MAPTICIAN_DATABASE_URL: connectionUrl(database.schemes, database.options).optional().register(registry, {
    group: 'Where users go',
    about: "Maptician's user store, a PostgreSQL database: the table `maptician.users` in it.",
    unset: 'the schema `maptician` in the database of `DATABASE_URL`',
    example: 'postgres://maptician:PASSWORD@localhost:5432/maptician',
    sensitive: 'url',
  }),
  MAPTICIAN_TENANT_URL: serviceUrl({ loopback: true, path: 'with-query' }).optional().register(registry, {
    group: 'Where users go',
    about:
      "The Tenant URL of Maptician's SCIM endpoint, as Maptician's support gave it to you. https, or http on this machine.",
    unset: 'users go to a database',
    example: 'https://yourcompany.maptician.com/scim/v2',
  }),
  MAPTICIAN_SECRET_TOKEN: text().optional().register(registry, {
    group: 'Where users go',
    about: 'The Secret Token that belongs to the Tenant URL.',
    sensitive: 'secret',
  }),
  MAPTICIAN_SCIM_DIALECT: oneOf(['auto', 'compliant', 'classic']).prefault('auto').register(registry, {
    group: 'Where users go',
    about:
      '`compliant`: changes are sent as RFC 7644 has it. `classic`: as Microsoft\'s own service does (`Replace`, `"False"`). `auto`: as `test-connection` found, else `compliant`.',
  }),
  MAPTICIAN_REQUESTS_PER_SECOND: amount({ min: 1, max: 1000 }).prefault('25').register(registry, {
    group: 'Where users go',
    about:
      'The ceiling of requests a second to the Tenant URL, all workers together. It is slowed down by itself when Maptician asks for it.',
  }),

  DATABASE_URL: connectionUrl(database.schemes, database.options).optional().register(registry, {
    group: 'State and queue',
    about: "The service's own PostgreSQL database: mirror, cursors, links, provisioning log.",
    unset: 'a PostgreSQL of its own under `MAPTICIAN_SYNC_HOME`, started by itself',
    example: 'postgres://sync:PASSWORD@localhost:5432/sync',
    sensitive: 'url',
  }),
  MAPTICIAN_SYNC_HOME: text().prefault('./data').register(registry, {
    group: 'State and queue',
    about: 'The folder for files of its own.',
  }),
  REDIS_URL: connectionUrl(['redis', 'rediss']).optional().register(registry, {
    group: 'State and queue',
    about: 'The Redis that holds the queue. Needed to run workers on several machines at a high rate, otherwise not.',
    unset: 'the queue is in the database of `DATABASE_URL`',
    example: 'redis://localhost:6379',
    sensitive: 'url',
  }),

  NOTIFICATION_EMAIL: addresses().optional().register(registry, {
    group: 'Mail',
    about:
      'Who is mailed when something fails: addresses, `,` between several. Needs `SMTP_URL` or `MAIL_GRAPH_SENDER`.',
    unset: 'nobody is mailed, but whom `NOTIFICATION_EMAIL_BY_KIND` names',
    example: 'it@example.com',
    sensitive: 'personal',
  }),
  NOTIFICATION_EMAIL_BY_KIND: addressesByKind()
    .optional()
    .register(registry, {
      group: 'Mail',
      about: `Who is mailed about one kind instead: \`kind=addresses\` with \`;\` between several, or \`nobody\`. Kinds: ${notificationKinds.map((kind) => `\`${kind}\``).join(', ')}.`,
      unset: 'everything goes to `NOTIFICATION_EMAIL`',
      example: 'held=hr@example.com; quarantine=oncall@example.com, it@example.com; warning=nobody',
      sensitive: 'personal',
    }),
  SMTP_URL: connectionUrl(['smtp', 'smtps']).optional().register(registry, {
    group: 'Mail',
    about: 'The mail server: `smtps://` is TLS from the start, `smtp://` turns to TLS where the server offers it.',
    unset: 'no mail is sent',
    example: 'smtp://USER:PASSWORD@mail.example.com:587',
    sensitive: 'url',
  }),
  MAIL_FROM: sender().optional().register(registry, {
    group: 'Mail',
    about: 'The sender of the mails.',
    unset:
      'the user of `SMTP_URL` where that is an address, else `maptician-sync` at the domain of the first recipient',
    sensitive: 'personal',
  }),
  MAIL_GRAPH_SENDER: mailbox().optional().register(registry, {
    group: 'Mail',
    about:
      'The mailbox that mails are sent from through Microsoft Graph, instead of `SMTP_URL`: its userPrincipalName or object id. Needs the application permission `Mail.Send`.',
    unset: '`SMTP_URL` is used',
    example: 'maptician-sync@example.com',
    sensitive: 'personal',
  }),
  NOTIFICATION_WEBHOOK_URL: serviceUrl({ loopback: true, path: 'with-query' }).optional().register(registry, {
    group: 'Mail',
    about:
      'A chat that gets the short form of everything, beside the mails: the URL of a Teams workflow or of a Slack incoming webhook. Whoever knows it can post there: keep it secret.',
    unset: 'nothing is posted',
    sensitive: 'secret',
  }),
  NOTIFICATION_WEBHOOK_FORMAT: oneOf(['auto', 'teams', 'slack']).prefault('auto').register(registry, {
    group: 'Mail',
    about: 'Whose messages the webhook takes. `auto`: Slack’s where it is at hooks.slack.com, else those of Teams.',
  }),
  NO_CYCLE_ALERT_HOURS: amount({ min: 1, max: 720 }).prefault('6').register(registry, {
    group: 'Mail',
    about:
      'You are told when no cycle has finished for so many hours, beyond what `SYNC_SCHEDULE` and a quarantine account for.',
  }),

  LOG_RETENTION_DAYS: amount({ min: 1, max: 36_500 }).optional().register(registry, {
    group: 'Provisioning log',
    about:
      'How many days the provisioning log is kept at least. It is dropped by whole months, each when its last day is older than that, exported or not.',
    unset: 'it is kept for ever',
    example: '365',
  }),
  LOG_EXPORT_URL: exportTarget().optional().register(registry, {
    group: 'Provisioning log',
    about:
      'Where the provisioning log goes as well, such as a SIEM: a webhook (`https://…`, with user and password in it for Basic authentication), a syslog server (`syslog+tls://host:port`, `syslog+tcp://`, `syslog+udp://`), or `stdout`, the standard output of `start`. It holds personal data.',
    unset: 'nowhere',
    example: 'syslog+tls://siem.example.com:6514',
    sensitive: 'secret',
  }),
  LOG_EXPORT_SECRET: text().optional().register(registry, {
    group: 'Provisioning log',
    about: 'What requests to a webhook are signed with, by HMAC-SHA256.',
    unset: 'they are not signed',
    sensitive: 'secret',
  }),

  CONSOLE_LISTEN: listenAddress().prefault('127.0.0.1:4080').register(registry, {
    group: 'Console',
    about:
      'Where `start` serves the console, the API, health and metrics: `address:port`, or `off`. On this machine it is open to whoever is there, until there is a way to sign in; beyond this machine it needs one, and TLS of its own or a proxy with it.',
  }),
  CONSOLE_URL: serviceUrl({ loopback: true, path: 'none' }).optional().register(registry, {
    group: 'Console',
    about:
      'The origin under which people reach it, where that is not `CONSOLE_LISTEN`: such as that of a proxy. Entra sends people back to `/sign-in/callback` there: it is the redirect URI of the app registration.',
    unset: 'as `CONSOLE_LISTEN` has it',
    example: 'https://maptician-sync.example.com',
  }),
  CONSOLE_TLS_CERTIFICATE_PATH: text().optional().register(registry, {
    group: 'Console',
    about:
      'A PEM file with the certificate, and the chain behind it; the console is then served over https. A renewed one is used within a minute.',
    unset: 'it is served over http',
  }),
  CONSOLE_TLS_KEY_PATH: text().optional().register(registry, {
    group: 'Console',
    about: 'A PEM file with the private key of that certificate.',
  }),
  CONSOLE_CLIENT_ID: guid().optional().register(registry, {
    group: 'Console',
    about:
      'The application id of the app registration with which people sign in, and whose app roles `reader` and `operator` say what they may do. In the tenant of `AZURE_TENANT_ID`. Scripts send its access tokens to the API as bearer tokens.',
    unset: 'nobody signs in with Entra',
    example: '00000000-0000-0000-0000-000000000000',
  }),
  CONSOLE_CLIENT_SECRET: text().optional().register(registry, {
    group: 'Console',
    about: 'The client secret of that app registration.',
    sensitive: 'secret',
  }),
  CONSOLE_OPERATOR_TOKEN: signInToken().optional().register(registry, {
    group: 'Console',
    about:
      'Whoever knows it may do everything, in the browser and as a bearer token of the API: for a network without Entra, and for scripts. At least 32 characters.',
    unset: 'there is none',
    sensitive: 'secret',
  }),
  CONSOLE_READER_TOKEN: signInToken().optional().register(registry, {
    group: 'Console',
    about: 'Whoever knows it may look at everything: for a metrics collector, say. At least 32 characters.',
    unset: 'there is none',
    sensitive: 'secret',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: serviceUrl({ loopback: true, path: 'plain' }).optional().register(registry, {
    group: 'Console',
    about: 'An OpenTelemetry collector that gets traces, by OTLP over HTTP. They hold no personal data.',
    unset: 'nothing is traced',
    example: 'http://localhost:4318',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: text().optional().register(registry, {
    group: 'Console',
    about: 'Headers for it, as `name=value` with `,` between several.',
    sensitive: 'secret',
  }),

  FLOW_NULL_VALUES: flag().prefault('true').register(registry, {
    group: 'Rules',
    about:
      "`true`: an attribute that was cleared in Entra is cleared in Maptician. `false`: it keeps its old value, as with Microsoft's own service.",
  }),
  HARD_DELETE_ACTION: oneOf(['delete', 'deactivate']).prefault('delete').register(registry, {
    group: 'Rules',
    about: 'What becomes of the account of a user who was permanently deleted from Entra: `delete` or `deactivate`.',
  }),
  DELETE_INACTIVE_AFTER_DAYS: amount({ min: 1, max: 36_500 }).optional().register(registry, {
    group: 'Rules',
    about:
      'The account of a user who has no access any more is deleted when it has been inactive for so many days. Whoever gets access back before keeps it.',
    unset: 'such accounts stay, inactive',
    example: '90',
  }),
  QUARANTINE_MIN_FAILURES: amount({ min: 1, max: 999_999_999 }).prefault('20').register(registry, {
    group: 'Rules',
    about:
      "The job goes into quarantine when at least so many users fail, and these are more than `QUARANTINE_PERCENT` of all. Microsoft's own is 5000.",
  }),
  QUARANTINE_PERCENT: amount({ max: 100, fraction: true }).prefault('40').register(registry, {
    group: 'Rules',
    about: 'See `QUARANTINE_MIN_FAILURES`.',
  }),
  QUARANTINE_FAILURES: amount({ min: 1, max: 999_999_999 }).prefault('40000').register(registry, {
    group: 'Rules',
    about: 'The job goes into quarantine when more users than this fail, however many are well.',
  }),
  DRIFT_SCHEDULE: scheduleOrOff().prefault('30 2 * * *').register(registry, {
    group: 'Rules',
    about:
      "When Maptician's accounts are compared with what was last applied: cron expressions, `;` between several, in UTC; `off`: never.",
  }),
  DRIFT_ACTION: oneOf(['report', 'repair']).prefault('report').register(registry, {
    group: 'Rules',
    about:
      'What then becomes of accounts that somebody else changed in Maptician. `report`: they are logged and mailed. `repair`: they are made good, too.',
  }),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).prefault('info').register(registry, {
    group: 'Rules',
    about: 'How much is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  }),

  REMOVAL_LIMIT_COUNT: amount({ max: 999_999_999 }).prefault('500').register(registry, {
    group: 'Limits',
    about: 'Removals are held for approval when one cycle would deactivate or delete more users than this.',
  }),
  REMOVAL_LIMIT_PERCENT: amount({ max: 100, fraction: true }).prefault('25').register(registry, {
    group: 'Limits',
    about:
      'Removals are held for approval when one cycle would deactivate or delete more than this percentage of the active users.',
  }),
  REMOVAL_LIMIT_DAY_COUNT: amount({ max: 999_999_999 }).optional().register(registry, {
    group: 'Limits',
    about:
      'The same over the last 24 hours: so many users, those not counted who have access again or whose removal was approved.',
    unset: '1000, or twice `REMOVAL_LIMIT_COUNT` where that is more',
    example: '1000',
  }),
  REMOVAL_LIMIT_DAY_PERCENT: amount({ max: 100, fraction: true }).optional().register(registry, {
    group: 'Limits',
    about: 'The same over the last 24 hours, as a percentage of the users who were active before.',
    unset: '50, or twice `REMOVAL_LIMIT_PERCENT` where that is more',
    example: '50',
  }),
  CREATE_LIMIT: limit().optional().register(registry, {
    group: 'Limits',
    about:
      'Creates are held for approval when one cycle would create more users than this: a count, a percentage of the active users, or both, as `100, 20%`. The percentage does not count while nobody is linked.',
    unset: 'no limit of its own',
    example: '100, 20%',
  }),
  UPDATE_LIMIT: limit().optional().register(registry, {
    group: 'Limits',
    about: 'Updates are held for approval when one cycle would change the attributes of more users than this.',
    unset: 'no limit of its own',
    example: '40%',
  }),
  DEACTIVATE_LIMIT: limit().optional().register(registry, {
    group: 'Limits',
    about: 'Deactivations by themselves, beside the limits on removals.',
    unset: 'no limit of its own',
    example: '50',
  }),
  DELETE_LIMIT: limit().optional().register(registry, {
    group: 'Limits',
    about: 'Deletions by themselves, beside the limits on removals.',
    unset: 'no limit of its own',
    example: '20',
  }),
  WHEN_HELD: oneOf(['continue', 'stop']).prefault('continue').register(registry, {
    group: 'Limits',
    about:
      '`continue`: what is over a limit waits, and everything else goes on. `stop`: as long as anything waits, nothing else is carried out either.',
  }),
  HELD_EXPIRY_DAYS: amount({ min: 1, max: 365 }).prefault('7').register(registry, {
    group: 'Limits',
    about:
      'A held set that nobody answers in so many days is held anew, under another number and with another mail. An approval counts for as long.',
  }),
});

/** The name of a setting. */
export type SettingName = keyof typeof settingsSchema.shape;

/** All names, in the documentation's order. */
export const settingNames = Object.keys(settingsSchema.shape) as SettingName[];

/** What the documentation says of a setting. */
export function aboutSetting(name: SettingName): SettingAbout {
  const about = registry.get(settingsSchema.shape[name]);
  if (about === undefined) throw new Error(`The setting ${name} has no documentation.`);
  return about;
}

/** A setting's default as an operator would write it. */
export function defaultOf(name: SettingName): string | undefined {
  const schema: z.ZodType = settingsSchema.shape[name];
  return schema instanceof z.ZodPrefault ? String(schema.def.defaultValue) : undefined;
}
