/**
 * A notification, and its long form: a mail laid out twice from the same blocks, as plain text and as HTML that Outlook
 * shows as it was meant. webhook-layout.ts has the short form.
 */

/** A mail without its addresses. */
export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** One user in a mail: who, then lines of plain text, then small print. */
export interface Entry {
  readonly title: string;
  readonly lines: readonly string[];
  readonly note: string;
}

/** A command to type, and what it does. */
export interface Command {
  readonly command: string;
  readonly does: string;
}

/** A piece of a mail. `commands` are shown as code, each with what it does. */
export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  | { readonly kind: 'commands'; readonly commands: readonly Command[] };

/** What people are told. `tone` colours the bar at its top. */
export interface Notice {
  readonly subject: string;
  readonly tone: 'problem' | 'attention' | 'well';
  readonly title: string;
  readonly blocks: readonly Block[];
  /** Small print at the end: where it comes from. */
  readonly footer: string;
  /** The short form, for a chat: no reasons, which quote values, and no long lists of people. */
  readonly brief: {
    readonly lines: readonly string[];
    /** Who it is about; the first few are shown. */
    readonly names?: readonly string[];
    /** How many they are, where `names` has not all. */
    readonly count?: number;
    readonly commands: readonly Command[];
  };
}

/** Renders both forms. Every value is escaped for HTML; line breaks in values become spaces. */
export function renderMail(content: Notice): Mail {
  return {
    subject: cut(oneLine(`[maptician-sync] ${content.subject}`), 150),
    text: `${[content.title, ...content.blocks.map(blockAsText), `-- \n${oneLine(content.footer)}`].join('\n\n')}\n`,
    html: renderHtml(content),
  };
}

/** Text on one line, and no longer than `length`. */
export function cut(text: string, length: number): string {
  const line = oneLine(text);
  return line.length > length ? `${line.slice(0, length - 1).trimEnd()}…` : line;
}

/** Text on one line. */
export function oneLine(text: string): string {
  // Control characters would let a value from the directory add lines, or headers, of its own.
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

function blockAsText(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return oneLine(block.text);
    case 'heading': {
      const heading = oneLine(block.text);
      return `${heading}\n${'-'.repeat(Math.min(heading.length, 76))}`;
    }
    case 'list':
      return block.items.map((item) => `* ${oneLine(item)}`).join('\n');
    case 'entries':
      return block.entries
        .map((entry) => [entry.title, ...[...entry.lines, entry.note].map((line) => `    ${oneLine(line)}`)].join('\n'))
        .join('\n\n');
    case 'commands':
      return block.commands.map(({ command, does }) => `    ${oneLine(command)}\n        ${oneLine(does)}`).join('\n');
  }
}

const font = "font-family:'Segoe UI',Helvetica,Arial,sans-serif";
const mono = "font-family:Consolas,Menlo,'Courier New',monospace";
const barColours = { problem: '#b3261e', attention: '#b26a00', well: '#1e7a3c' };

// Tables and inline styles only: Outlook lays out with Word's engine, which knows neither flex nor style sheets.
function renderHtml({ tone, title, blocks, footer }: Notice): string {
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title></head>
<body style="margin:0;padding:0;background:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f3f4f6"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="640" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" style="width:100%;max-width:640px;background:#ffffff">
<tr><td height="6" bgcolor="${barColours[tone]}" style="height:6px;line-height:6px;font-size:1px">&nbsp;</td></tr>
<tr><td style="padding:24px 28px 20px 28px;${font};font-size:15px;line-height:22px;color:#1f2328;text-align:left">
<h1 style="margin:0 0 16px 0;${font};font-size:20px;line-height:27px;font-weight:600">${escapeHtml(title)}</h1>
${blocks.map(blockAsHtml).join('\n')}
</td></tr>
<tr><td style="padding:12px 28px 16px 28px;border-top:1px solid #e3e5e8;${font};font-size:12px;line-height:18px;color:#636c76;text-align:left">${escapeHtml(footer)}</td></tr>
</table>
</td></tr></table>
</body>
</html>
`;
}

function blockAsHtml(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p style="margin:0 0 14px 0">${escapeHtml(block.text)}</p>`;
    case 'heading':
      return `<h2 style="margin:22px 0 8px 0;${font};font-size:16px;line-height:22px;font-weight:600">${escapeHtml(block.text)}</h2>`;
    case 'list':
      return `<ul style="margin:0 0 14px 0;padding:0 0 0 22px">${block.items
        .map((item) => `<li style="margin:0 0 8px 0">${escapeHtml(item)}</li>`)
        .join('')}</ul>`;
    case 'entries':
      return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 14px 0">${block.entries
        .map(entryAsHtml)
        .join('')}</table>`;
    case 'commands':
      return block.commands
        .map(
          ({ command, does }) =>
            `<p style="margin:0 0 14px 0"><code style="${mono};font-size:14px;background:#eef0f3;padding:2px 6px">${escapeHtml(command)}</code><br>${escapeHtml(does)}</p>`,
        )
        .join('\n');
  }
}

function entryAsHtml({ title, lines, note }: Entry): string {
  // Long names and ids break anywhere rather than widen the mail.
  const cell = 'padding:9px 0;border-top:1px solid #e3e5e8;word-break:break-word;overflow-wrap:anywhere';
  return `<tr><td style="${cell};${font};font-size:15px;line-height:21px;color:#1f2328;text-align:left"><strong style="font-weight:600">${escapeHtml(title)}</strong>${lines
    .map((line) => `<br>${escapeHtml(line)}`)
    .join('')}<br><span style="font-size:13px;line-height:19px;color:#636c76">${escapeHtml(note)}</span></td></tr>`;
}

function escapeHtml(text: string): string {
  return oneLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
