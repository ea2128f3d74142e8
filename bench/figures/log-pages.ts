/** How long pages of the console take with a million entries in the provisioning log, beside a file of the same server. */
import { openConsole } from '../../src/console/open-console.ts';
import { createLog } from '../../src/log.ts';
import { openService } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { fillLog, userId } from '../fill-log.ts';
import type { Stage } from '../stage.ts';
import { inTurn, type Measured } from './figure.ts';

const rounds = 20;
const floor = '/assets/icon.svg';

const pages = {
  'the newest entries': '/log',
  'entries deep down': '/log?before=500000',
  failures: '/log?status=failure',
  'failures that all repeated themselves': '/log?status=failure&before=970000',
  'of a status nobody has': '/log?status=warning',
  'of an action nobody has': '/log?action=delete',
  'of a code nobody had of late': '/log?code=Conflict',
  'of a cycle': '/log?cycle=2000',
  'of a user who failed 4,000 times': `/log?user=${userId(7)}`,
  'of a user with few': `/log?user=${userId(77_000)}`,
  'until 30 days ago': '/log?until=30d',
  'failures until 30 days ago': '/log?until=30d&status=failure',
  'nothing in 20 days': '/log?since=20d&status=warning',
  'one entry': '/log/600000',
} as const;

export async function logPages(stage: Stage): Promise<Measured[]> {
  const tenant = await stage.tenant(1);
  return stage.withState('postgres', async (state) => {
    const settings = loadSettings({ env: { ...tenant, ...state, CONSOLE_LISTEN: '127.0.0.1:0' } });
    const service = await openService({ settings, log: createLog('error') });
    try {
      await fillLog(service.database.pool);
      await using shown = await openConsole(service, { schedule: false, signal: new AbortController().signal });
      const ask = (path: string) => async () => {
        const begun = performance.now();
        const answer = await fetch(`${shown?.url}${path}`);
        await answer.text();
        if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
        return performance.now() - begun;
      };
      const asked = Object.entries({ ...pages, floor });
      const times = await inTurn(rounds, Object.fromEntries(asked.map(([name, path]) => [name, ask(path)])));
      return Object.keys(pages).map((name) => ({
        figure: 'log-pages',
        what: `the log of a million entries: ${name}; at most ${Math.ceil(Math.max(...(times[name] ?? [])))} ms`,
        unit: 'ms',
        ours: times[name] ?? [],
        floor: { what: 'a file of the same server', samples: times.floor ?? [] },
      }));
    } finally {
      await service.close();
    }
  });
}
