import { describe, expect, test } from 'vitest';
import { SyncError } from '../src/errors.ts';
import { createLog } from '../src/log.ts';

function linesOf(
  level: Parameters<typeof createLog>[0],
  write: (log: ReturnType<typeof createLog>) => void,
): unknown[] {
  const lines: string[] = [];
  write(createLog(level, { write: (line) => lines.push(line) }));
  return lines.map((line): unknown => JSON.parse(line));
}

describe('the log', () => {
  test('is JSON lines with a time, a level and a message', () => {
    const [line] = linesOf('info', (log) => log.child({ cycle: 7 }).info({ users: 3 }, 'pulled'));
    expect(line).toMatchObject({ level: 'info', cycle: 7, users: 3, msg: 'pulled', time: expect.stringMatching(/Z$/) });
  });

  test('leaves out what is below its level', () => {
    expect(linesOf('warn', (log) => log.info('quiet'))).toEqual([]);
    expect(linesOf('silent', (log) => log.fatal('quiet'))).toEqual([]);
  });

  test('blots out secrets and personal data that got into it by mistake', () => {
    const error = new SyncError('Conflict', 'A value is taken.', { detail: 'Key (user_name)=(ada@contoso.com)' });
    const lines = linesOf('info', (log) => {
      log.error({ err: error, token: 'ada' }, 'failed');
      log.info({ user: { userPrincipalName: 'ada@contoso.com', workEmail: 'ada@contoso.com' } }, 'seen');
      log.info({ settings: { DATABASE_URL: 'postgres://ada@db' } }, 'settings');
    });
    expect(lines).toHaveLength(3);
    expect(JSON.stringify(lines)).not.toContain('ada');
    expect(JSON.stringify(lines[0])).toContain('A value is taken.');
  });
});
