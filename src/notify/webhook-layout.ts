/** A notification's short form as chats take it: title, what it is about, up to five names, what to do. */
import { cut, type Notice, oneLine } from './mail-layout.ts';

const namesAtMost = 5;

/** Up to five names, and how many more there are. */
function namesOf({ names = [], count = names.length }: Notice['brief']): string | undefined {
  const shown = names.slice(0, namesAtMost).map((name) => cut(name, 80));
  if (shown.length === 0) return undefined;
  const more = count - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const slackMarks = { problem: ':red_circle:', attention: ':large_orange_circle:', well: ':large_green_circle:' };

/**
 * Slack's message (https://docs.slack.dev/reference/block-kit/blocks): `text` is what a notification on a phone shows.
 */
export function slackMessage(notice: Notice): object {
  const { brief } = notice;
  const names = namesOf(brief);
  const commands = brief.commands.map(({ command, does }) => `\`${slackText(command)}\` ${slackText(does)}`);
  const paragraphs = [
    ...brief.lines.map(slackText),
    ...(names === undefined ? [] : [slackText(names)]),
    ...(commands.length === 0 ? [] : [commands.join('\n')]),
  ];
  return {
    text: slackText(`${notice.title}. ${brief.lines[0] ?? ''}`),
    blocks: [
      // A header takes 150 characters, a section 3,000.
      { type: 'header', text: { type: 'plain_text', text: cut(notice.title, 150) } },
      { type: 'section', text: { type: 'mrkdwn', text: cutText(paragraphs.join('\n\n'), 3000) } },
      {
        type: 'context',
        elements: [{ type: 'mrkdwn', text: `${slackMarks[notice.tone]} ${slackText(notice.footer)}` }],
      },
    ],
  };
}

/** What Slack would read as a link or a mention is text (https://docs.slack.dev/messaging/formatting-message-text#escaping). */
function slackText(text: string): string {
  return cut(text, 600).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function cutText(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

const cardStyles = { problem: 'attention', attention: 'warning', well: 'good' };

/**
 * What a Teams workflow posts: an Adaptive Card 1.4 in a message's attachments
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using).
 */
export function teamsMessage(notice: Notice): object {
  const { brief } = notice;
  const names = namesOf(brief);
  const block = (text: string, more: object = {}) => ({ type: 'TextBlock', text, wrap: true, ...more });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            {
              type: 'Container',
              style: cardStyles[notice.tone],
              bleed: true,
              items: [block(cardText(notice.title), { size: 'Medium', weight: 'Bolder' })],
            },
            ...brief.lines.map((line) => block(cardText(line))),
            ...(names === undefined ? [] : [block(cardText(names))]),
            ...brief.commands.flatMap(({ command, does }) => [
              block(cardText(does), { spacing: 'Medium' }),
              block(oneLine(command), { fontType: 'Monospace', spacing: 'Small' }),
            ]),
            block(cardText(notice.footer), { isSubtle: true, size: 'Small', separator: true }),
          ],
        },
      },
    ],
  };
}

/** Text blocks read some Markdown: what a value holds of it stays text. An underscore inside of a word is none. */
function cardText(text: string): string {
  return cut(text, 600).replaceAll(/[\\*[\]~`]|(?<![\p{L}\d])_|_(?![\p{L}\d])/gu, '\\$&');
}
