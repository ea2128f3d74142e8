/** Where to go after signing in. */

/** The path of the console that is meant, with its query; the overview where it is none, so that no link leads elsewhere. */
export function localPath(given: string | undefined): string {
  const base = 'http://console.invalid';
  // Browsers read a backslash as a slash, and drop tabs and line breaks.
  if (given === undefined || !/^\/[^\\\p{Cc}]*$/u.test(given)) return '/';
  const url = URL.parse(given, base);
  if (url === null || url.origin !== base || url.pathname.startsWith('//')) return '/';
  return /^\/sign-(in|out)(\/|$)/.test(url.pathname) ? '/' : `${url.pathname}${url.search}`;
}
