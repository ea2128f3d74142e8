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

/** Enough to see a weekend from a schedule that ticks every minute of working hours. */
const ticksAhead = 3_000;

/** Milliseconds between two of the coming ticks, at most: a schedule may leave out nights and weekends. */
export async function longestInterval(expressions: readonly string[]): Promise<number> {
  const tasks = expressions.map((expression) => createTask(expression, () => undefined, { timezone: 'UTC' }));
  const lists = tasks.map((task) => task.getNextRuns(ticksAhead).map((time) => time.getTime()));
  for (const task of tasks) await task.destroy();
  // Beyond the end of the shortest list only the others tick.
  const horizon = Math.min(...lists.map((list) => list.at(-1) ?? 0));
  const ticks = lists.flat().filter((tick) => tick <= horizon);
  ticks.sort((a, b) => a - b);
  return Math.max(0, ...ticks.slice(1).map((tick, index) => tick - (ticks[index] ?? tick)));
}
