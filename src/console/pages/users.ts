/** Users: who there is, by state and by a part of their name. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { type ListedUser, readUserList, type UserList, type UserState, userStates } from '../../state/user-list.ts';
import { cell } from '../../words.ts';
import { type Content, empty, type Markup, moment, nextPage, table } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { provisionPages } from './provision.ts';
import { userPages } from './user.ts';
import { stateNames, statePill } from './user-states.ts';

const perPage = 50;

const listQuery = z.object({
  state: z.enum(userStates).optional(),
  after: z.guid().optional(),
});

/** What is typed is posted, since a name does not belong into a URL. */
const searchForm = listQuery.extend({ search: z.string().trim().max(200) });

export function usersPages(context: ConsoleContext): Hono<ConsoleEnv> {
  const { pool } = context;
  const app = new Hono<ConsoleEnv>();

  app.get('/users', async (c) => {
    const query = listQuery.safeParse(c.req.query());
    if (!query.success) throw badRequest('There is no such list of users.');
    const { state, after } = query.data;
    const list = await readUserList(pool, { state }, { after, limit: perPage });
    return show(c, { state, list, more: nextPage(list.next && hrefOf({ state, after: list.next })) });
  });
  app.post('/users/search', async (c) => {
    const form = searchForm.safeParse(withoutBlanks(await c.req.parseBody()));
    if (!form.success) throw badRequest('That cannot be searched for: give at most 200 characters.');
    const { search, state, after } = form.data;
    if (search === '') return c.redirect(hrefOf({ state }), 303);
    const list = await readUserList(pool, { search, state }, { after, limit: perPage });
    const [only, another] = list.users;
    if (only !== undefined && another === undefined && after === undefined) return c.redirect(`/users/${only.id}`, 303);
    return show(c, { state, search, list, more: nextFound(search, state, list.next) });
  });
  app.route('/', provisionPages(context));
  app.route('/', userPages(context));
  return app;
}

/** A field of a form that is left empty says nothing. */
function withoutBlanks({ search = '', ...fields }: Readonly<Record<string, unknown>>): unknown {
  return { search, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')) };
}

function hrefOf({ state, after }: { readonly state?: UserState | undefined; readonly after?: string }): string {
  const query = new URLSearchParams({ ...(state && { state }), ...(after && { after }) });
  return query.size === 0 ? '/users' : `/users?${query}`;
}

interface Shown {
  readonly list: UserList;
  readonly state: UserState | undefined;
  readonly search?: string;
  /** The way to the next page. */
  readonly more: Content;
}

function show(c: Context<ConsoleEnv>, { list, state, search, more }: Shown): Promise<Response> {
  return page(c, {
    title: 'Users',
    section: '/users',
    body: html`
      ${searchBox(search, state)}
      <nav class="tabs" aria-label="States">${tab('All', undefined, state)}${userStates.map((one) => tab(stateNames[one], one, state))}</nav>
      ${search === undefined ? '' : html`<p class="quiet" role="status">${found(list, search)} <a href="${hrefOf({ state })}">Show all again</a></p>`}
      ${list.users.length === 0 ? nobody(search, state) : userTable(list.users)}
      ${more}
      ${c.get('viewer').role === 'operator' ? provisionSomebody() : ''}`,
  });
}

function searchBox(search: string | undefined, state: UserState | undefined): Markup {
  return html`<form method="post" action="/users/search" role="search" class="filters">
    <label>Find a user <input type="search" name="search" value="${search ?? ''}" size="40" maxlength="200" required placeholder="Part of a name or address, or an id"></label>
    ${state === undefined ? '' : html`<input type="hidden" name="state" value="${state}">`}
    <button class="primary">Search</button>
  </form>`;
}

function tab(name: string, state: UserState | undefined, current: UserState | undefined): Markup {
  return html`<a href="${hrefOf({ state })}"${state === current ? html` aria-current="page"` : ''}>${name}</a>`;
}

function found({ users, next }: UserList, search: string): string {
  const count = next === undefined ? `${users.length}` : `The next ${users.length}`;
  return `${users.length === 0 ? 'Nobody' : count} found by “${search}”.`;
}

function nextFound(search: string, state: UserState | undefined, next: string | undefined): Content {
  if (next === undefined) return '';
  return html`<form method="post" action="/users/search" class="pager">
    <input type="hidden" name="search" value="${search}">
    <input type="hidden" name="state" value="${state ?? ''}">
    <input type="hidden" name="after" value="${next}">
    <button>Next page</button>
  </form>`;
}

function nobody(search: string | undefined, state: UserState | undefined): Markup {
  if (search !== undefined) {
    return empty(
      html`Who was not assigned when Entra was last read is not kept here. Somebody who has gone may still stand in the <a href="/log">provisioning log</a>.`,
    );
  }
  return empty(
    state === undefined
      ? html`Nobody has been read from Entra yet. <a href="/">Run a cycle</a> first.`
      : `Nobody is in this state.`,
  );
}

function userTable(users: readonly ListedUser[]): Markup {
  return table(
    'Users',
    ['User', 'Name', 'State', 'What', 'Maptician id', 'Written (UTC)'],
    users.map((user) => [
      html`<a href="/users/${user.id}">${user.userName ?? user.id}</a>`,
      cell(user.displayName),
      statePill(user.state),
      whatOf(user),
      user.mapticianId === null ? '–' : html`<code>${user.mapticianId}</code>`,
      moment(user.updatedAt),
    ]),
  );
}

function whatOf({ failure, operation, state, account, inScope }: ListedUser): Content {
  if (failure !== null) return failure.httpStatus === null ? failure.code : `${failure.code} (${failure.httpStatus})`;
  if (operation !== null) {
    return operation.set === null
      ? operation.kind
      : html`${operation.kind}, <a href="/held#set-${operation.set}">set ${operation.set}</a>`;
  }
  if (account !== null && account !== state) return `${account} account`;
  return state === 'active' && !inScope ? 'not in scope' : '';
}

function provisionSomebody(): Markup {
  return html`<h2>Somebody who is not in the list</h2>
  <form method="post" action="/users/provision" class="filters">
    <label>userPrincipalName or object id <input name="user" size="40" maxlength="200" required autocomplete="off"></label>
    <button name="mode" value="dry-run">Look only</button>
    <button name="mode" value="now">Provision now</button>
  </form>
  <p class="quiet">Asks Entra about this one user. Looking only shows what would be done and writes nothing.</p>`;
}
