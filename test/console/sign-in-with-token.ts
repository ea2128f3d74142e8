/** A console with tokens, and somebody who signs in with one. */
import type { ShownConsole } from './console-world.ts';

export const readerToken = 'reader-token-of-a-test-0123456789abcdef';
export const operatorToken = 'operator-token-of-a-test-0123456789abcdef';
export const tokenSettings = { CONSOLE_READER_TOKEN: readerToken, CONSOLE_OPERATOR_TOKEN: operatorToken };

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** The cookies that an answer sets, as a browser sends them back. */
export function cookiesOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0] ?? '')
    .join('; ');
}

/** Headers of somebody who signed in with the form. */
export async function signIn(console: ShownConsole, token: string): Promise<{ readonly Cookie: string }> {
  const answer = await console.post('/sign-in', { token });
  if (answer.status !== 303) throw new Error(`Signing in was answered with ${answer.status}.`);
  return { Cookie: cookiesOf(answer) };
}
