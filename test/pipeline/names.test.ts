import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTenant, type Tenant } from '../../src/sandbox/tenant.ts';
import { converge } from './converge.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { openWorld, type StoredRow, type World } from './world.ts';

let world: World;
let oracle: Oracle;
let tenant: Tenant;
beforeAll(async () => {
  tenant = createTenant();
  world = await openWorld({ sandbox: { tenant }, settings: { REMOVAL_LIMIT_PERCENT: '100' } });
  oracle = createOracle(tenant);
});
afterAll(() => world.close());

const nameOf = (alias: string): string => `${alias}@contoso.example`;

/** A person assigned to the app. */
function hire(alias: string, assigned = true): string {
  const name = alias.includes('@') ? alias : nameOf(alias);
  const properties = { userPrincipalName: name, displayName: alias, mailNickname: alias, accountEnabled: true };
  const { id } = tenant.users.create({ ...properties, mail: `${alias.toLowerCase()}@mail.example` });
  if (assigned) tenant.assign(id);
  return id;
}

function rename(id: string, alias: string): void {
  tenant.users.update(id, { userPrincipalName: nameOf(alias) });
}

async function rowOf(id: string): Promise<StoredRow | undefined> {
  return (await world.rows()).find((row) => row.external_id === id);
}

/** The store is right within the three cycles that names may take. */
const settle = () => converge(world, oracle, { limit: 3, oneLook: true });

describe('a name that changes hands', () => {
  it('goes to the person who is renamed into it when its owner was renamed', async () => {
    const [first, second] = [hire('chain.one'), hire('chain.two')];
    await settle();
    rename(first, 'chain.three');
    rename(second, 'chain.one');
    await settle();
    expect(await rowOf(second)).toMatchObject({ user_name: nameOf('chain.one'), active: true });
  });

  it.each([2, 3, 7])('goes round among %i people', async (count) => {
    const aliases = Array.from({ length: count }, (_, index) => `ring${count}.${index}`);
    const ids = aliases.map((alias) => hire(alias));
    await settle();
    const before = await world.rows();
    for (const [index, id] of ids.entries()) rename(id, `moving${count}.${index}`);
    for (const [index, id] of ids.entries()) rename(id, aliases[(index + 1) % count] ?? '');
    await settle();
    const idsBefore = new Map(before.map((row) => [row.external_id, row.id]));
    for (const id of ids) expect((await rowOf(id))?.id, 'rows keep their ids').toBe(idsBefore.get(id));
  });

  it('passes with the account from a soft-deleted person to a new one, and the log says so', async () => {
    const former = hire('passing');
    await settle();
    const account = await rowOf(former);
    tenant.users.delete(former);
    const heir = hire('Passing');
    await settle();
    expect(await rowOf(heir)).toMatchObject({ id: account?.id, user_name: nameOf('Passing'), active: true });
    expect(await rowOf(former)).toBeUndefined();
    const { rows } = await world.pool.query<{ reason: string }>(
      `select reason from maptician_sync.provisioning_log where entra_id = $1 and status = 'success'`,
      [heir],
    );
    expect(rows.map(({ reason }) => reason).join()).toContain(`account of ${former}`);
  });

  it('gives a new account to someone restored whose account has passed on', async () => {
    const former = hire('returning');
    await settle();
    tenant.users.delete(former);
    const heir = hire('returning');
    await settle();
    rename(heir, 'returning.heir');
    tenant.restoreUser(former);
    await settle();
    expect((await rowOf(former))?.id).not.toBe((await rowOf(heir))?.id);
  });

  it('passes with the account from someone unassigned, in the same cycle and later', async () => {
    const [now, later] = [hire('unassigned.now'), hire('unassigned.later')];
    await settle();
    tenant.unassign(later);
    await settle();
    const accounts = [await rowOf(now), await rowOf(later)];
    tenant.unassign(now);
    for (const id of [now, later]) rename(id, `former.${id}`);
    const heirs = [hire('unassigned.now'), hire('unassigned.later')];
    await settle();
    for (const [index, heir] of heirs.entries()) expect((await rowOf(heir))?.id).toBe(accounts[index]?.id);
  });

  it('is free after a purge: the old row goes, the new person gets a row of their own', async () => {
    const [purged, binned] = [hire('purged'), hire('binned')];
    await settle();
    tenant.users.delete(binned);
    await settle();
    const before = (await world.rows()).map(({ id }) => id);
    for (const id of [purged, binned]) tenant.purgeUser(id);
    const heirs = [hire('purged'), hire('binned')];
    await settle();
    for (const heir of heirs) expect(before).not.toContain((await rowOf(heir))?.id);
  });

  it('is yielded by an inactive account to someone who has an account already', async () => {
    const [former, other] = [hire('yielding'), hire('keeping')];
    await settle();
    tenant.users.delete(former);
    await settle();
    rename(other, 'yielding');
    await settle();
    expect(await rowOf(other)).toMatchObject({ user_name: nameOf('yielding'), active: true });
    expect(await rowOf(former)).toMatchObject({ active: false });
    tenant.purgeUser(former);
    await settle();
    expect(await rowOf(former)).toBeUndefined();
  });

  it('is yielded by someone disabled, who keeps the account and gets it back with the new name', async () => {
    const disabled = hire('disabled');
    await settle();
    const account = await rowOf(disabled);
    tenant.users.update(disabled, { accountEnabled: false, userPrincipalName: nameOf('disabled.renamed') });
    const other = hire('disabled');
    await settle();
    expect(await rowOf(other)).toMatchObject({ user_name: nameOf('disabled'), active: true });
    tenant.users.update(disabled, { accountEnabled: true });
    await settle();
    expect(await rowOf(disabled)).toMatchObject({ id: account?.id, user_name: nameOf('disabled.renamed') });
  });

  it('moves up through a chain of forty people in one cycle', async () => {
    const chain = Array.from({ length: 40 }, (_, index) => hire(`chain${index}`));
    await settle();
    const accounts = await Promise.all(chain.map(rowOf));
    // From the end: Entra, too, lets nobody have a name that is still another's.
    for (const [index, id] of [...chain.entries()].reverse()) rename(id, `chain${index + 1}`);
    expect((await world.sync()).exit).toBe(0);
    for (const [index, id] of chain.entries()) {
      expect(await rowOf(id)).toMatchObject({ id: accounts[index]?.id, user_name: nameOf(`chain${index + 1}`) });
    }
  });

  it('changes its case alone', async () => {
    const id = hire('Mc.Case');
    await settle();
    rename(id, 'mc.case');
    await settle();
    expect(await rowOf(id)).toMatchObject({ user_name: nameOf('mc.case') });
  });

  it('passes for sixty people at once, half with their accounts and half without', async () => {
    const formers = Array.from({ length: 60 }, (_, index) => hire(`crowd.${index}`));
    await settle();
    const heirs = formers.map((former, index) => {
      if (index % 2 === 0) tenant.users.delete(former);
      else tenant.purgeUser(former);
      return hire(`crowd.${index}`);
    });
    await settle();
    const active = new Set((await world.rows()).filter((row) => row.active).map((row) => row.external_id));
    expect(heirs.filter((heir) => !active.has(heir))).toEqual([]);
  });
});

describe('two living people with one userName', () => {
  it('are an error that names both and leaves everybody else alone, until one of them is renamed', async () => {
    const member = hire('same@partner.example');
    const guest = hire('same_partner.example#EXT#@contoso.example');
    const other = hire('unconcerned');
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 1, failed: 2 } });
    expect(await rowOf(other)).toMatchObject({ active: true });
    const { rows } = await world.pool.query<{ entra_id: string; reason: string }>(
      'select entra_id, reason from maptician_sync.escrow',
    );
    expect(rows.map(({ entra_id }) => entra_id).toSorted()).toEqual([member, guest].toSorted());
    for (const { reason } of rows) {
      expect(reason).toContain(member);
      expect(reason).toContain(guest);
    }
    rename(member, 'other.name');
    await settle();
  });

  it('do not take anything from the one who has the account already', async () => {
    const owner = hire('owner@partner.example');
    await settle();
    const rival = hire('owner_partner.example#EXT#@contoso.example');
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 0, updated: 0, failed: 1 } });
    expect(await rowOf(owner)).toMatchObject({ active: true });
    tenant.users.delete(rival);
    await settle();
  });
});
