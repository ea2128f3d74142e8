/** The schedule: cron expressions, each with its own timer. */
import { createTask, type ScheduledTask } from 'node-cron';

export interface Schedule {
  /** The earliest next tick. */
  next(): Date | undefined;
  stop(): Promise<void>;
}

function earliest(tasks: readonly ScheduledTask[]): Date | undefined {
  const times = tasks.flatMap((task) => task.getNextRun() ?? []);
  return times.length === 0 ? undefined : new Date(Math.min(...times.map((time) => time.getTime())));
}

/** Calls `tick` at each time of the expressions, in UTC so that no hour is left out or doubled in spring and autumn. */
export async function startSchedule(
  expressions: readonly string[],
  tick: (time: Date) => Promise<void>,
): Promise<Schedule> {
  const tasks = expressions.map((expression) =>
    createTask(expression, (context) => tick(context.date), { timezone: 'UTC', suppressMissedWarning: true }),
  );
  for (const task of tasks) await task.start();
  return {
    next: () => earliest(tasks),
    stop: async () => {
      for (const task of tasks) await task.destroy();
    },
  };
}

/** When the next tick would be, without starting anything. */
export async function nextTick(expressions: readonly string[]): Promise<Date | undefined> {
  const schedule = await startSchedule(expressions, async () => undefined);
  const next = schedule.next();
  await schedule.stop();
  return next;
}
