/** Mails that an app sends as a user (https://learn.microsoft.com/graph/api/user-sendmail); they go into the mailbox. */
import { z } from 'zod';
import { badRequest, GraphFault } from './graph-error.ts';
import type { GraphContext, GraphReply, GraphRequest } from './graph-request.ts';

const recipients = z.array(z.object({ emailAddress: z.object({ address: z.email() }) }));
const requestBody = z.object({
  message: z.object({
    subject: z.string().default(''),
    body: z.object({ contentType: z.enum(['Text', 'HTML', 'text', 'html']), content: z.string() }),
    toRecipients: recipients,
  }),
  saveToSentItems: z.boolean().default(true),
});

export function sendMail(context: GraphContext, request: GraphRequest, [key = '']: readonly string[]): GraphReply {
  const user = context.tenant.users.find(key);
  if (!user) throw new GraphFault(404, 'ErrorInvalidUser', `The requested user '${key}' is invalid.`);
  const parsed = requestBody.safeParse(JSON.parse(request.body === '' ? '{}' : request.body));
  if (!parsed.success) throw badRequest('The message is not as it should be.');
  const { subject, body, toRecipients } = parsed.data.message;
  if (toRecipients.length === 0)
    throw new GraphFault(400, 'ErrorInvalidRecipients', 'At least one recipient is not valid.');
  const html = body.contentType.toLowerCase() === 'html';
  context.mailbox.receive({
    from: String(user.properties.userPrincipalName),
    to: toRecipients.map(({ emailAddress }) => emailAddress.address),
    subject,
    text: html ? '' : body.content,
    html: html ? body.content : '',
  });
  return { status: 202, body: '' };
}
