/** Where the demo's users go: the table `maptician.users`, or Maptician itself over SCIM. All that differs between the two. */
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Queryable } from '../state/database.ts';
import { entitled, isPlainlyNamed, nameOf, titleLimit } from './demo-story.ts';

/** An account as Maptician has it. */
export interface StageAccount {
  readonly id: string;
  readonly userName: string;
  /** Whose it is, by the Entra object id; null where nobody has said so. */
  readonly externalId: string | null;
  readonly active: boolean;
}

/** An account that is there before the first cycle, to be adopted by the user it belongs to. */
export interface EarlierAccount {
  readonly id: string;
  readonly entraId: string;
  readonly who: string;
  /** What it is to be called; where that is not its name now, only its e-mail shows whose it is. */
  readonly userName: string;
  readonly foundBy: 'userName' | 'e-mail';
}

export interface Stage {
  /** The settings that lead the service there, beside the sandbox's. */
  readonly settings: Readonly<Record<string, string>>;
  /** What there is to say of its accounts before the first cycle, and of its pace. */
  readonly told: { readonly accounts: readonly string[]; readonly pace: readonly string[] };
  readonly earlier: readonly EarlierAccount[];
  /** Words that a refusal must bring into the operator's mail. */
  readonly refusal: string;
  /** From then on it takes titles of up to `titleLimit` characters. @param database the service's own */
  limitTitles(database: Queryable): Promise<void>;
  accounts(database: Queryable): Promise<readonly StageAccount[]>;
  /** How many requests it has got; undefined where it is asked in another way. */
  requests(): number | undefined;
}

export function tableStage(): Stage {
  const constraint = `title_of_at_most_${titleLimit}_characters`;
  return {
    settings: {},
    told: { accounts: [], pace: [] },
    earlier: [],
    refusal: constraint,
    limitTitles: async (database) => {
      await database.query(
        `alter table maptician.users add constraint ${constraint} check (length(title) <= ${titleLimit})`,
      );
    },
    accounts: async (database) => {
      const { rows } = await database.query<StageAccount>(
        'select id, user_name as "userName", external_id as "externalId", active from maptician.users',
      );
      return rows;
    },
    requests: () => undefined,
  };
}

/** Requests a second in the demo: nobody is to wait 40 seconds for a thousand users. */
const ceiling = 1000;

export function scimStage({ tenant, maptician, requests }: Sandbox): Stage {
  const people = entitled(tenant).filter(({ properties }) => isPlainlyNamed(properties) && properties.mail);
  // The last ones: the story takes the first.
  const earlier = people.slice(-4).map((user, index): EarlierAccount => {
    const { userPrincipalName, mail = null, givenName = null, surname = null } = user.properties;
    const userName = userPrincipalName ?? '';
    const returning = index === 3;
    const { id } = maptician.create({
      userName: returning ? `2019.${userName}` : userName,
      ...{ 'emails[type eq "work"].value': mail, 'name.givenName': givenName, 'name.familyName': surname },
      ...{ title: 'Made by hand', active: !returning },
    });
    return { id, entraId: user.id, who: nameOf(user).who, userName, foundBy: returning ? 'e-mail' : 'userName' };
  });
  return {
    settings: { MAPTICIAN_REQUESTS_PER_SECOND: String(ceiling) },
    told: {
      accounts: [
        'Maptician has 4 of their accounts already, made by hand: three under their userName, and that of somebody who returns, inactive and under an old userName, but with the same e-mail.',
      ],
      pace: [
        `Maptician gets 25 requests a second at most, unless MAPTICIAN_REQUESTS_PER_SECOND says otherwise. Here it is ${ceiling.toLocaleString('en-US')}, so that you need not wait: the pace begins at 25 and doubles every second while all is well.`,
      ],
    },
    earlier,
    refusal: 'HTTP 400',
    limitTitles: async () => {
      maptician.behaviour.titleLimit = titleLimit;
    },
    accounts: async () =>
      maptician.users().map(({ id, attributes }) => ({
        id,
        userName: String(attributes.userName ?? ''),
        externalId: attributes.externalId === undefined ? null : String(attributes.externalId),
        active: attributes.active === true,
      })),
    requests: () => requests.entries.filter(({ service }) => service === 'maptician').length,
  };
}
