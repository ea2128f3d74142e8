/** The settings as they are in effect, secrets masked, with what each is for. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { effectiveSettings } from '../../settings.ts';
import { aboutSetting, type SettingAbout, settingNames } from '../../settings-schema.ts';
import { type Markup, table } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { page } from '../layout.ts';

export function settingsPages({ service }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  const values = new Map(effectiveSettings(service.settings));
  const groups = [...Map.groupBy(settingNames, (name) => aboutSetting(name).group)];

  app.get('/settings', async (c) =>
    page(c, {
      title: 'Settings',
      section: '/settings',
      body: html`
        <p>As this process has them, since it was started. They come from the environment, and from config/sync.yaml where the environment has none; a change takes effect with the next start. <a href="/audit">Who pulled which lever</a></p>
        ${groups.map(
          ([group, names]) =>
            html`<h2>${group}</h2>${table(
              group,
              ['Setting', 'Value', 'Meaning'],
              names.map((name) => {
                const value = values.get(name);
                const about = aboutSetting(name);
                return [
                  html`<code>${name}</code>`,
                  value === undefined ? unset(about) : html`<code>${value}</code>`,
                  meaning(about),
                ];
              }),
            )}`,
        )}`,
    }),
  );
  return app;
}

function unset({ unset: words }: SettingAbout): Markup {
  return html`<span class="quiet">not set${words === undefined ? '' : [': ', ...withCode(words)]}</span>`;
}

function meaning({ about }: SettingAbout): Markup {
  return html`${withCode(about)}`;
}

/** Texts of the documentation, with code in backticks. */
function withCode(text: string): (Markup | string)[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}
