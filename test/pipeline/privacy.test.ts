import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { backends, openWorld, type World } from './world.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Names, addresses and numbers that nothing else contains by chance. */
function personalData({ tenant }: World): string[] {
  const values = [...tenant.users.all.values()].flatMap(({ properties: user }) => [
    user.userPrincipalName,
    user.mail,
    user.displayName,
    user.surname,
    user.givenName,
    user.mobilePhone,
    user.businessPhones?.[0],
  ]);
  return [...new Set(values.filter((value) => typeof value === 'string' && value.length > 4))].map((value) =>
    String(value).toLowerCase(),
  );
}

function findIn(haystack: string, needles: readonly string[]): string[] {
  const text = haystack.toLowerCase();
  return needles.filter((needle) => text.includes(needle) || text.includes(JSON.stringify(needle).slice(1, -1)));
}

/** Creates, updates, removals, names that change hands, a user who is refused, a store that breaks, and a mail. */
async function goThroughEverything(world: World): Promise<void> {
  const { tenant } = world;
  await (await world.service()).store();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  const [first, second, third, fourth, fifth] = [...tenant.users.all.values()].filter(
    ({ id, properties }) => properties.accountEnabled === true && tenant.applications.assignmentsOf(id).length > 0,
  );
  if (!first || !second || !third || !fourth || !fifth) throw new Error('The tenant has too few people.');
  tenant.users.update(first.id, { jobTitle: 'Chief' });
  expect((await world.sync()).exit).toBe(1);
  const name = second.properties.userPrincipalName ?? '';
  tenant.users.update(second.id, { userPrincipalName: `renamed.person@${tenant.domain}`, surname: 'Renamedperson' });
  tenant.users.update(third.id, { userPrincipalName: name });
  tenant.users.delete(fourth.id);
  tenant.purgeUser(fifth.id);
  world.sandbox.faults.inject({ path: '/users/delta', fault: { kind: 'truncated' } });
  expect((await world.sync()).exit).toBe(1);
  expect((await world.sync({ resync: true })).exit).toBe(1);
  expect(world.sandbox.mailbox.mails()).toHaveLength(1);
}

describe.each(backends)('no personal data, with the queue on %s,', (queue) => {
  it('is in any log line or in the queue', async () => {
    const world = await openWorld({ queue, sandbox: { users: 150, assigned: 80 } });
    cleanups.push(world.close);
    const before = personalData(world);
    await (await world.service()).queue();
    const queuedSoFar = queue === 'redis' ? await monitorRedis(world) : await auditQueueTables(world);
    await goThroughEverything(world);
    const needles = [...new Set([...before, ...personalData(world)])];

    expect(world.log.join('\n')).toContain('cycle ended');
    expect(findIn(world.log.join('\n'), needles)).toEqual([]);
    const queued = await queuedSoFar();
    for (const job of ['create-users', 'update-users', 'deactivate-users', 'delete-users', 'send-notification'])
      expect(queued).toContain(job);
    expect(findIn(queued, needles)).toEqual([]);
  });
});

/** Every command that is ever sent to Redis, with its keys and values. */
async function monitorRedis(world: World): Promise<() => Promise<string>> {
  const redis = new Redis(world.redisUrl ?? '');
  cleanups.push(async () => redis.disconnect());
  const monitor = await redis.monitor();
  cleanups.push(async () => monitor.disconnect());
  const sent: string[] = [];
  monitor.on('monitor', (_time: string, args: string[]) => sent.push(args.join(' ')));
  return async () => sent.join('\n');
}

/** Every row that is ever written to the queue's tables, those of finished jobs included. */
async function auditQueueTables(world: World): Promise<() => Promise<string>> {
  await world.pool.query(`
    create table public.audit (written text);
    create function public.audit() returns trigger language plpgsql security definer as
      $$ begin insert into public.audit values (new::text); return null; end $$;
    do $$ declare tab regclass; begin
      for tab in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname = 'maptician_queue' and c.relkind = 'r' loop
        execute format('create trigger audit after insert or update on %s for each row execute function public.audit()', tab);
      end loop;
    end $$`);
  return async () => {
    const { rows } = await world.pool.query<{ written: string }>('select written from public.audit');
    return rows.map(({ written }) => written).join('\n');
  };
}
