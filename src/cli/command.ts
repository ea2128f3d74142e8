/** What the commands share: settings, service, signals, and errors as a person should see them. */
import { configFile } from '../config-file.ts';
import { errorJson, recommendedAction, SyncError, toError } from '../errors.ts';
import { createLog, type Log } from '../log.ts';
import { openService, type Service } from '../service.ts';
import { loadSettings, type Settings, SettingsError } from '../settings.ts';

export interface CommandOptions {
  readonly json?: boolean | undefined;
}

/** Exit status for bad settings or no connection. */
export const cannotRun = 2;
/** Exit statuses after a signal, as shells have them. */
const interrupted = { SIGINT: 130, SIGTERM: 143 } as const;
/** What runs is given so long to end after SIGTERM; then the process ends, and the next start makes up for it. */
const stopWithin = 30_000;

export function readSettings(): Settings {
  return loadSettings({ env: process.env, configFile: configFile('sync.yaml') });
}

/**
 * Runs a command with an open service and closes it in order. Its result is the exit status. Errors are printed as what
 * happened and what to do; with `json` also as the last line of standard output.
 */
export async function withService(
  options: CommandOptions,
  run: (service: Service, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  let service: Service | undefined;
  const stop = onStop();
  try {
    const settings = readSettings();
    service = await openService({ settings, log: commandLog(settings, options) });
    const status = await run(service, stop.signal);
    return status === interrupted.SIGINT ? stop.status() : status;
  } catch (thrown) {
    if (stop.signal.aborted) return stop.status();
    report(thrown, options);
    return cannotRun;
  } finally {
    await service?.close().catch((thrown: unknown) => report(thrown, {}));
    stop.dispose();
  }
}

/** On a terminal a person reads the command's own words; elsewhere the log goes to standard error as it is. */
function commandLog(settings: Settings, options: CommandOptions): Log {
  const quiet = process.stderr.isTTY && !options.json && !['debug', 'trace'].includes(settings.LOG_LEVEL);
  return createLog(quiet ? 'silent' : settings.LOG_LEVEL);
}

/** Aborts at SIGINT or SIGTERM; a second signal, or 30 seconds, ends the process at once. */
function onStop() {
  const controller = new AbortController();
  let status: number = interrupted.SIGINT;
  const handle = (signal: 'SIGINT' | 'SIGTERM') => {
    status = interrupted[signal];
    if (controller.signal.aborted) process.exit(status);
    if (process.stderr.isTTY) process.stderr.write(`${signal}: finishing what runs; again to end at once\n`);
    controller.abort(new SyncError('Interrupted', 'The command was interrupted'));
    setTimeout(() => {
      process.stderr.write('What runs did not end within 30 seconds; the next start makes up for it\n');
      process.exit(status);
    }, stopWithin).unref();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    signal: controller.signal,
    status: () => status,
    dispose: () => {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}

/** Prints an error: what happened, then what to do. */
export function report(thrown: unknown, options: CommandOptions): void {
  if (thrown instanceof SettingsError) {
    process.stderr.write(`${thrown.message}\n`);
    if (options.json) printJson({ error: { code: 'Misconfigured', problems: thrown.problems } });
    return;
  }
  if (thrown instanceof SyncError && thrown.code !== 'InternalError') {
    process.stderr.write(`${thrown.message}\n${recommendedAction(thrown.code)}\n`);
    if (options.json) printJson({ error: errorJson(thrown) });
    return;
  }
  const error = toError(thrown);
  process.stderr.write(`${error.stack ?? error.message}\n${recommendedAction('InternalError')}\n`);
  if (options.json) printJson({ error: { code: 'InternalError', message: error.message } });
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
