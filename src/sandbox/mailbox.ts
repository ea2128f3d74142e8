/** A mail server on loopback that keeps what it is sent. */
import type { AddressInfo } from 'node:net';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** Empty when there is no HTML part. */
  readonly html: string;
  readonly receivedAt: string;
}

export interface Mailbox {
  /** `smtp://127.0.0.1:PORT`. */
  readonly url: string;
  /** Everything received, the oldest first. */
  mails(): readonly ReceivedMail[];
  /** Puts a mail in that came another way than over SMTP. */
  receive(mail: Omit<ReceivedMail, 'receivedAt'>): void;
  clear(): void;
  /**
   * The first mail that matches, among those here or the next to come.
   * @param options.timeout milliseconds after which it rejects
   */
  waitFor(matches?: (mail: ReceivedMail) => boolean, options?: { timeout?: number }): Promise<ReceivedMail>;
  close(): Promise<void>;
}

/** @param port 0 for any free one */
export async function openMailbox(port = 0): Promise<Mailbox> {
  let received: ReceivedMail[] = [];
  const waiting = new Set<() => void>();
  const receive = (mail: Omit<ReceivedMail, 'receivedAt'>): void => {
    received.push({ ...mail, receivedAt: new Date().toISOString() });
    for (const look of [...waiting]) look();
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, session, done) {
      simpleParser(stream).then((parsed) => {
        receive({
          from: parsed.from?.text ?? '',
          to: session.envelope.rcptTo.map(({ address }) => address),
          subject: parsed.subject ?? '',
          text: parsed.text ?? '',
          html: parsed.html || '',
        });
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  // A client that goes away in the middle is no error of the sandbox.
  server.on('error', () => {});
  const address = server.server.address() as AddressInfo;

  return {
    url: `smtp://127.0.0.1:${address.port}`,
    mails: () => received,
    receive,
    clear() {
      received = [];
    },
    waitFor(matches = () => true, { timeout = 10_000 } = {}) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const mail = received.find(matches);
          if (!mail) return;
          stop();
          resolve(mail);
        };
        const stop = (): void => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        const timer = setTimeout(() => {
          stop();
          reject(new Error(`No such mail came within ${timeout} ms; ${received.length} others did.`));
        }, timeout);
        waiting.add(look);
        look();
      });
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
