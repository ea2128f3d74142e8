/** What people are told of; the words of NOTIFICATION_EMAIL_BY_KIND. */
export const notificationKinds = [
  'failures',
  'quarantine',
  'held',
  'warning',
  'credentials',
  'recovery',
  'silence',
] as const;
export type NotificationKind = (typeof notificationKinds)[number];

/** The ways a notification goes out; each is delivered by itself. */
export type ChannelName = 'mail' | 'webhook';
