import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Mailbox, openMailbox } from '../../src/sandbox/mailbox.ts';

let mailbox: Mailbox;
beforeEach(async () => {
  mailbox = await openMailbox();
});
afterEach(() => mailbox.close());

const send = async (subject: string): Promise<void> => {
  const transport = createTransport(mailbox.url);
  await transport.sendMail({
    from: 'maptician-sync@contoso.example',
    to: 'operator@contoso.example, second@contoso.example',
    subject,
    text: 'Žofie could not be created.',
    html: '<p>Žofie could not be created.</p>',
  });
  transport.close();
};

it('keeps the mails it is sent', async () => {
  await send('Škoda');
  expect(mailbox.mails()).toEqual([
    {
      from: 'maptician-sync@contoso.example',
      to: ['operator@contoso.example', 'second@contoso.example'],
      subject: 'Škoda',
      text: 'Žofie could not be created.',
      html: '<p>Žofie could not be created.</p>',
      receivedAt: expect.stringMatching(/^\d{4}-/),
    },
  ]);
  mailbox.clear();
  expect(mailbox.mails()).toEqual([]);
});

it('lets one wait for a mail that has come or is to come', async () => {
  await send('first');
  expect((await mailbox.waitFor(({ subject }) => subject === 'first')).subject).toBe('first');
  const next = mailbox.waitFor(({ subject }) => subject === 'second');
  await send('second');
  expect((await next).subject).toBe('second');
});

it('gives up waiting and says so', async () => {
  await expect(mailbox.waitFor(undefined, { timeout: 20 })).rejects.toThrow(
    'No such mail came within 20 ms; 0 others did.',
  );
});
