/** Renders `.env.example` and the README's table of settings from the schema: `npm run docs:settings` writes both. */

import { readFileSync, writeFileSync } from 'node:fs';
import { aboutSetting, defaultOf, type SettingAbout, type SettingName, settingNames } from './settings-schema.ts';

const startMarker = '<!-- settings -->';
const endMarker = '<!-- /settings -->';

/**
 * The text of `.env.example`: every setting as a comment with its default or an example. Values stand without quotes,
 * as Node, Compose, `docker run` and systemd all read them.
 */
export function renderEnvExample(): string {
  const sections = byGroup().map(([group, names]) => {
    const entries = names.map((name) => {
      const { about, unset, example } = aboutSetting(name);
      const otherwise = unset === undefined || defaultOf(name) !== undefined ? [] : [`Not set: ${unset}.`];
      const comment = [about, ...otherwise].flatMap((sentence) => wrap(sentence.replaceAll('`', ''), 110));
      return [...comment.map((line) => `# ${line}`), `#${name}=${defaultOf(name) ?? example ?? ''}`].join('\n');
    });
    return `## ${group}\n\n${entries.join('\n\n')}\n`;
  });
  const head = '# Settings of maptician-sync. Copy this file to .env, and take the "#" off what you set.\n';
  return [`${head}# Written by "npm run docs:settings" from src/settings-schema.ts.\n`, ...sections].join('\n');
}

/** The README's tables of settings, one a group. */
function renderSettingsTables(): string {
  const tables = byGroup().map(([group, names]) => {
    const rows = names.map((name) => {
      const { about, unset } = aboutSetting(name);
      const initial = defaultOf(name);
      return `| \`${name}\` | ${about} | ${initial === undefined ? (unset ?? '') : `\`${initial}\``} |`;
    });
    return `#### ${group}\n\n| Variable | Meaning | Default, or what holds when it is not set |\n| --- | --- | --- |\n${rows.join('\n')}`;
  });
  return tables.join('\n\n');
}

/** A README with the tables between its markers replaced. */
export function withSettingsTables(readme: string): string {
  const start = readme.indexOf(startMarker);
  const end = readme.indexOf(endMarker);
  if (start === -1 || end < start) throw new Error(`README.md needs the lines ${startMarker} and ${endMarker}.`);
  return `${readme.slice(0, start + startMarker.length)}\n${renderSettingsTables()}\n${readme.slice(end)}`;
}

function byGroup(): [SettingAbout['group'], SettingName[]][] {
  return [...Map.groupBy(settingNames, (name) => aboutSetting(name).group)];
}

function wrap(sentence: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of sentence.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

if (import.meta.main) {
  writeFileSync('.env.example', renderEnvExample());
  writeFileSync('README.md', withSettingsTables(readFileSync('README.md', 'utf8')));
}
