/** The page on which one signs in. */
import { html } from 'hono/html';
import { type Content, type Markup, notice } from '../components.ts';
import { noRole } from './authentication.ts';
import type { Problem } from './entra-sign-in.ts';

export interface SignInPage {
  /** Where to go afterwards. */
  readonly to: string;
  /** The host of the authority; undefined where nobody signs in with Entra. */
  readonly entra: string | undefined;
  readonly token: boolean;
  readonly problem?: Problem | 'token' | undefined;
}

export function signInBody({ to, entra, token, problem }: SignInPage): Content {
  const query = new URLSearchParams({
    ...(to === '/' ? {} : { to }),
    ...(problem === 'no-role' ? { choose: '1' } : {}),
  });
  return html`${problem === undefined ? '' : notice('bad', problemText(problem, entra, token))}
    ${entra === undefined ? '' : withEntra(`/sign-in/entra${query.size === 0 ? '' : `?${query}`}`, problem === 'no-role')}
    ${token ? withToken(to, entra === undefined) : ''}`;
}

function withEntra(href: string, other: boolean): Markup {
  return html`<p><a class="button primary" href="${href}">Sign in with Microsoft Entra${other ? ', as somebody else' : ''}</a></p>`;
}

function withToken(to: string, only: boolean): Markup {
  return html`${only ? '' : html`<p class="quiet">Or, while Entra is out of reach, with a token:</p>`}
  <form class="filters" method="post" action="/sign-in">
    <input type="hidden" name="to" value="${to}">
    <label>Token <input name="token" type="password" size="40" required autocomplete="current-password" spellcheck="false"></label>
    <button class="${only ? 'primary' : ''}">Sign in with the token</button>
  </form>`;
}

function problemText(problem: Problem | 'token', entra: string | undefined, token: boolean): string {
  const host = entra ?? 'Microsoft Entra';
  switch (problem) {
    case 'token':
      return 'That is none of the tokens. They are CONSOLE_OPERATOR_TOKEN and CONSOLE_READER_TOKEN of the service’s settings.';
    case 'no-role':
      return noRole;
    case 'expired':
      return 'You were not signed in any more, so nothing was done. Sign in, and do it again.';
    case 'restart':
      return 'That sign-in was begun elsewhere, was used already, or took longer than ten minutes. Sign in once more.';
    case 'refused':
      return `${host} did not sign you in. Try again; the log of the service has the code of the reason.`;
    case 'client-secret':
      return `${host} refused the console’s own credentials. Renew CONSOLE_CLIENT_SECRET, and see that CONSOLE_CLIENT_ID is of the same app registration.`;
    case 'unreachable':
      return `${host} does not answer the service. Try again in a moment${token ? '; a token still works' : ''}.`;
    case 'invalid':
      return `What ${host} answered did not pass the checks, so nobody was signed in. The log of the service has the reason.`;
  }
}
