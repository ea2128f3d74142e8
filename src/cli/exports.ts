/** Settings of an emulated tenant, as lines for a shell. */

/** What the user may have set, in a `.env` too, that would lead made-up people to a real place, or contradict. */
const foreign = [
  ...['DATABASE_URL', 'MAPTICIAN_DATABASE_URL', 'REDIS_URL', 'MAPTICIAN_TENANT_URL', 'MAPTICIAN_SECRET_TOKEN'],
  ...['ENTRA_SERVICE_PRINCIPAL_ID', 'SYNC_SCOPE', 'AZURE_TOKEN_CREDENTIALS'],
  ...['MAIL_GRAPH_SENDER', 'NOTIFICATION_EMAIL_BY_KIND', 'NOTIFICATION_WEBHOOK_URL'],
];

/** One `export` a setting; what is not among them and would get in the way is emptied, which counts as not set. */
export function exportLines(environment: Readonly<Record<string, string>>): string[] {
  const emptied = foreign.filter((name) => environment[name] === undefined);
  return [
    ...Object.entries(environment).map(([name, value]) => `  export ${name}='${value}'`),
    `  export ${emptied.map((name) => `${name}=`).join(' ')}`,
  ];
}
