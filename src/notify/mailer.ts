/** The port to whatever carries mails: an SMTP server, or Microsoft Graph. */
import type { Mail } from './mail-layout.ts';

export interface Mailer {
  /** Hands a mail over, one copy for all recipients. Rejects with a SyncError. */
  send(mail: Mail, to: readonly string[]): Promise<void>;
  /** Whether it would take a mail, without sending one. Resolves with what was found, rejects as `send` does. */
  check(): Promise<string>;
  /** Ends what is open; a mail in flight is lost. */
  close(): void;
}
