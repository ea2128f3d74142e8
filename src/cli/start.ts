/** `start`: the service. Ticks on schedule, takes jobs, and ends on SIGTERM when what runs has ended. */
import { once } from 'node:events';
import type { Console } from '../console/open-console.ts';
import { runDuties } from '../duties.ts';
import { toSyncError } from '../errors.ts';
import { addTick, type ScheduledJob } from '../queue/ticks.ts';
import { startSchedule } from '../schedule.ts';
import type { Service } from '../service.ts';
import { withService } from './command.ts';

export async function start(options: { readonly schedule: boolean }): Promise<number> {
  // The log is what a service has to say, on a terminal too.
  return withService({ json: true }, async (service, signal) => {
    const { log, settings } = service;
    const queue = await service.queue();
    await service.work({ cycles: options.schedule, signal });
    const startTicks = (expressions: readonly string[], job: ScheduledJob) =>
      startSchedule(options.schedule ? expressions : [], (time) =>
        addTick(queue, job, time).catch((thrown: unknown) =>
          log.error({ err: thrown, job }, 'the tick could not be put into the queue'),
        ),
      );
    const schedule = await startTicks(settings.SYNC_SCHEDULE, 'run-cycle');
    const driftSchedule = await startTicks(settings.DRIFT_SCHEDULE, 'check-drift');
    const duties = await service.duties(options);
    const rounds = await startSchedule(['* * * * *'], () => runDuties(duties, log, signal));
    const shown = await showConsole(service, { ...options, signal });
    log.info(
      { schedule: settings.SYNC_SCHEDULE, next: schedule.next(), queue: queue.kind, console: shown?.url },
      'maptician-sync runs',
    );
    if (!signal.aborted) await once(signal, 'abort');
    await schedule.stop();
    await driftSchedule.stop();
    await rounds.stop();
    await shown?.close();
    log.info('maptician-sync ends: no new work is taken, what runs is finished');
    return 0;
  });
}

/** Provisioning goes on without it: a port that is taken is no reason for people to have no account. */
async function showConsole(
  service: Service,
  options: { readonly schedule: boolean; readonly signal: AbortSignal },
): Promise<Console | undefined> {
  try {
    // Loaded here: no other command has a use for it, and it is the larger half of the program.
    const { openConsole } = await import('../console/open-console.ts');
    return await openConsole(service, options);
  } catch (thrown) {
    const { code, message } = toSyncError(thrown);
    service.log.error({ code, err: code === 'InternalError' ? thrown : undefined }, `there is no console: ${message}`);
    return undefined;
  }
}
