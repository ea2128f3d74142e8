/** What happens in the demo's tenant, and what each event must do to Maptician's users. */
import { seedTenant } from '../sandbox/seed.ts';
import type { Tenant, TenantGroup, TenantUser } from '../sandbox/tenant.ts';
import type { UserProperties } from '../sandbox/user-properties.ts';

/** How many users the initial cycle creates. */
export const firstUsers = 1000;
/** The longest title that the demo's Maptician takes. */
export const titleLimit = 60;

/** A value that changes. */
export interface ValueChange {
  /** As the provisioning log has it: a SCIM path. */
  readonly attribute: string;
  readonly from: string | boolean | null;
  readonly to: string | boolean | null;
}

/** What is to become of one user's account. */
export interface Effect {
  readonly id: string;
  readonly who: string;
  /** As the provisioning log has it: create, update or deactivate. */
  readonly operation: string;
  /** Every value that changes; of a new account the userName only. */
  readonly changes: readonly ValueChange[];
}

export interface Story {
  /** What happened, a sentence an event. */
  readonly told: readonly string[];
  readonly effects: readonly Effect[];
  /** Whose new title the user store refuses. */
  readonly failing: { readonly id: string; readonly who: string; readonly userName: string; readonly title: string };
  /** Gives them a title that fits. */
  mend(): Effect;
}

/** A seeded tenant in which exactly a thousand people are to have access. */
export function seedDemoTenant(): Tenant {
  const tenant = seedTenant({ users: 1400, assigned: firstUsers });
  const have = new Set(entitled(tenant).map(({ id }) => id));
  for (const { id, properties } of tenant.users.all.values()) {
    if (have.size === firstUsers) break;
    if (have.has(id) || properties.accountEnabled === false) continue;
    tenant.assign(id);
    have.add(id);
  }
  return tenant;
}

/** Who is to have access, read from the tenant itself: assigned, directly or by a group, alive, and not disabled. */
export function entitled(tenant: Tenant): TenantUser[] {
  return assigned(tenant).filter(({ properties }) => properties.accountEnabled !== false);
}

/** Everyone assigned and alive, the disabled ones too. */
export function assigned(tenant: Tenant): TenantUser[] {
  const ids = new Set<string>();
  for (const { principalId, removedAt } of tenant.maptician.assignments.values()) {
    if (removedAt !== undefined) continue;
    const group = tenant.groups.find(principalId);
    for (const id of group === undefined ? [principalId] : group.members.values()) ids.add(id);
  }
  return [...tenant.users.all.values()].filter(({ id, deletedAt }) => ids.has(id) && deletedAt === undefined);
}

/** Makes the changes that the incremental cycle is to find. */
export function changeTenant(tenant: Tenant): Story {
  const { users, groups, domain } = tenant;
  const have = new Set(entitled(tenant).map(({ id }) => id));
  const group = namedGroup(tenant, 'Maptician users');
  const onlyByGroup = ({ id }: TenantUser) => group.hasMember(id) && tenant.applications.assignmentsOf(id).length === 0;
  const pick = createCast(tenant);
  const someone = (called: RegExp, which: (user: TenantUser) => boolean = () => true) =>
    pick(
      (user) =>
        have.has(user.id) && !group.hasMember(user.id) && called.test(user.properties.displayName ?? '') && which(user),
    );
  const newcomer = (called: RegExp) =>
    pick(
      ({ id, properties }) =>
        !have.has(id) && properties.accountEnabled === true && called.test(properties.displayName ?? ''),
    );

  // Everyone is chosen before anything changes.
  const renamed = someone(plainName, ({ properties: { userPrincipalName, mail } }) => userPrincipalName === mail);
  const leaver = someone(/\p{Script=Han}/u);
  const mover = someone(
    /\p{Script=Cyrillic}|\p{Script=Greek}/u,
    ({ properties }) => Boolean(properties.mobilePhone && properties.jobTitle) && properties.department === 'Sales',
  );
  const suspended = someone(/[łńøåŞğß]/u);
  const promoted = someone(plainName, ({ properties }) => Boolean(properties.jobTitle));
  const joins = [newcomer(/\p{Script=Hangul}/u), newcomer(plainName)] as const;
  const leavesGroup = pick(
    (user) => have.has(user.id) && onlyByGroup(user) && plainName.test(user.properties.displayName ?? ''),
  );

  const told: string[] = [];
  const effects: Effect[] = [];
  const happens = (sentence: string, ...what: readonly Effect[]) => {
    told.push(sentence);
    effects.push(...what);
  };
  const deactivated = (user: TenantUser) =>
    effect(user, 'deactivate', [{ attribute: 'active', from: true, to: false }]);
  const created = (user: TenantUser, userName = user.properties.userPrincipalName ?? '') =>
    effect(user, 'create', [{ attribute: 'userName', from: null, to: userName }]);
  const assignNew = (person: Parameters<typeof users.create>[0]) => {
    const user = users.create(person);
    tenant.assign(user.id);
    return user;
  };

  const hired = assignNew({
    ...{ userPrincipalName: `noemi.szabo@${domain}`, mail: `noemi.szabo@${domain}`, mailNickname: 'noemi.szabo' },
    ...{ displayName: 'Noémi Szabó', givenName: 'Noémi', surname: 'Szabó', accountEnabled: true, userType: 'Member' },
    ...{ jobTitle: 'Floor Planner', department: 'Facilities & Workplace', city: 'Budapest' },
  });
  happens('Noémi Szabó is hired, a Floor Planner in Budapest.', created(hired));

  const before = { ...renamed.properties };
  const address = `${(before.givenName ?? '').toLowerCase()}.haraldsen@${domain}`;
  const displayName = `${before.givenName} Haraldsen`;
  users.update(renamed.id, { userPrincipalName: address, mail: address, surname: 'Haraldsen', displayName });
  happens(
    `${before.displayName} is ${displayName} from now on, and signs in by that name.`,
    effect(renamed, 'update', [
      { attribute: 'userName', from: before.userPrincipalName ?? null, to: address },
      { attribute: workEmail, from: before.mail ?? null, to: address },
      { attribute: 'name.familyName', from: before.surname ?? null, to: 'Haraldsen' },
    ]),
  );

  const place = { ...mover.properties };
  users.update(mover.id, { department: 'Marketing', jobTitle: 'Brand Manager', mobilePhone: null });
  happens(
    `${place.displayName} moves from Sales to Marketing, and hands the mobile in.`,
    effect(mover, 'update', [
      { attribute: 'title', from: place.jobTitle ?? null, to: 'Brand Manager' },
      { attribute: mobilePhone, from: place.mobilePhone ?? null, to: null },
      { attribute: department, from: 'Sales', to: 'Marketing' },
    ]),
  );

  users.delete(leaver.id);
  happens(`${leaver.properties.displayName} leaves, and is deleted in Entra.`, deactivated(leaver));
  users.update(suspended.id, { accountEnabled: false });
  happens(`${suspended.properties.displayName} is disabled in Entra.`, deactivated(suspended));

  for (const { id } of joins) groups.addMember(group.id, id);
  groups.removeMember(group.id, leavesGroup.id);
  const [one, other] = joins;
  happens(
    `In the group “${group.displayName}”, ${one.properties.displayName} and ${other.properties.displayName} are new, and ${leavesGroup.properties.displayName} is not in it any more.`,
    ...[created(one), created(other), deactivated(leavesGroup)],
  );

  const guest = assignNew({
    ...{ userPrincipalName: `mateus.araujo_fabrikam.example#EXT#@${domain}`, mail: 'mateus.araujo@fabrikam.example' },
    ...{ displayName: 'Mateus Araújo', givenName: 'Mateus', surname: 'Araújo', mailNickname: 'mateus.araujo' },
    ...{ accountEnabled: true, userType: 'Guest', companyName: 'Fabrikam' },
  });
  happens('Mateus Araújo of Fabrikam is invited as a guest.', created(guest, 'mateus.araujo@fabrikam.example'));

  const oldTitle = promoted.properties.jobTitle ?? null;
  const title = 'Interim Deputy Vice President for Workplace Strategy, Floor Plans and Moves';
  users.update(promoted.id, { jobTitle: title });
  happens(`${promoted.properties.displayName} is promoted: “${title}”.`);

  return {
    told,
    effects,
    failing: { ...nameOf(promoted), userName: promoted.properties.userPrincipalName ?? '', title },
    mend: () => {
      const short = 'Vice President for Workplace Strategy';
      users.update(promoted.id, { jobTitle: short });
      return effect(promoted, 'update', [{ attribute: 'title', from: oldTitle, to: short }]);
    },
  };
}

/** A given name and a surname whose letters are those of the address. */
const plainName = /^[A-Z][a-z]+ [A-Z][a-z]+$/;

const workEmail = 'emails[type eq "work"].value';
const mobilePhone = 'phoneNumbers[type eq "mobile"].value';
const department = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department';

/** Whether it is a member of the tenant whose address is the name as it is written. */
export function isPlainlyNamed({ displayName, userType, surname }: Readonly<UserProperties>): boolean {
  return userType === 'Member' && Boolean(surname) && plainName.test(displayName ?? '');
}

export function nameOf({ id, properties }: TenantUser): { id: string; who: string } {
  return { id, who: properties.displayName ?? id };
}

function effect(user: TenantUser, operation: Effect['operation'], changes: readonly ValueChange[]): Effect {
  return { ...nameOf(user), operation, changes };
}

function namedGroup(tenant: Tenant, displayName: string): TenantGroup {
  const group = [...tenant.groups.all.values()].find((candidate) => candidate.displayName === displayName);
  if (group === undefined) throw new Error(`The demo's tenant has no group "${displayName}"`);
  return group;
}

/** Chooses people, nobody twice. Guests and people without a surname have other names than the story needs. */
function createCast(tenant: Tenant): (wanted: (user: TenantUser) => boolean) => TenantUser {
  const taken = new Set<string>();
  return (wanted) => {
    const isMember = ({ userType, surname }: Readonly<UserProperties>) => userType === 'Member' && Boolean(surname);
    for (const user of tenant.users.all.values()) {
      if (taken.has(user.id) || !isMember(user.properties) || !wanted(user)) continue;
      taken.add(user.id);
      return user;
    }
    throw new Error("The demo's tenant has nobody for a part of the story");
  };
}
