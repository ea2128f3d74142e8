/** The console over https, with a certificate of the settings. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { openConsole } from '../../src/console/open-console.ts';
import { createCertificate } from '../../src/sandbox/certificate.ts';
import { openPeopled } from '../pipeline/peopled-world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { showConsole } from './console-world.ts';
import { cookiesOf, operatorToken, tokenSettings } from './sign-in-with-token.ts';

afterEach(() => void vi.useRealTimers());

/** A world whose console has a certificate of its own, which this process trusts. */
async function openWithCertificate() {
  const { world } = await openPeopled(0);
  const paths = { cert: join(world.folder, 'cert.pem'), key: join(world.folder, 'key.pem') };
  const write = async (): Promise<string> => {
    const { cert, key } = await createCertificate();
    tls.setDefaultCACertificates([...tls.getCACertificates(), cert]);
    await writeFile(paths.cert, cert);
    await writeFile(paths.key, key);
    return cert;
  };
  const cert = await write();
  await world.restart({
    ...tokenSettings,
    CONSOLE_LISTEN: '127.0.0.1:0',
    CONSOLE_TLS_CERTIFICATE_PATH: paths.cert,
    CONSOLE_TLS_KEY_PATH: paths.key,
  });
  return { world, paths, write, cert };
}

/** The certificate that is shown to whoever connects now. */
async function shownBy(url: string): Promise<string> {
  const { port } = new URL(url);
  const socket = tls.connect({ host: '127.0.0.1', port: Number(port), servername: 'localhost' });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return raw.toString('base64');
}

const bodyOf = (pem: string) => pem.replaceAll(/-----.*?-----|\s/g, '');

test('over https the cookie is for this host and https only', async () => {
  const { world } = await openWithCertificate();
  const console = await showConsole(world);
  expect(console.url).toMatch(/^https:/);
  const answer = await console.post('/sign-in', { token: operatorToken });
  expect(answer.headers.get('set-cookie')).toMatch(
    /^__Host-maptician-sync=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
  const page = await console.fetch('/no-such-page', { headers: { Cookie: cookiesOf(answer) } });
  expect(page.status).toBe(404);
  // For a name of this machine only, browsers would hold it against whatever else is served there.
  expect(page.headers.get('strict-transport-security')).toBeNull();
  await world.restart({ CONSOLE_URL: 'https://sync.example.com' });
  const proxied = await (await showConsole(world)).fetch('/sign-in');
  expect(proxied.headers.get('strict-transport-security')).toBe('max-age=31536000');
});

test('takes up a renewed certificate within a minute, and keeps the old one for as long as the files do not fit', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const { world, paths, write, cert } = await openWithCertificate();
  const { url } = await showConsole(world);
  expect(await shownBy(url)).toBe(bodyOf(cert));

  const { cert: half } = await createCertificate();
  await writeFile(paths.cert, half);
  vi.advanceTimersByTime(60_000);
  await waitUntil(() => world.log.some((line) => line.includes('keeps its old certificate')));
  expect(await shownBy(url)).toBe(bodyOf(cert));

  const renewed = await write();
  vi.advanceTimersByTime(60_000);
  await waitUntil(() => world.log.some((line) => line.includes('uses its renewed certificate')));
  expect(await shownBy(url)).toBe(bodyOf(renewed));
});

test('says which file to mend', async () => {
  const { world, paths } = await openWithCertificate();
  const open = async () => openConsole(await world.service(), { schedule: false, signal: AbortSignal.abort() });
  await writeFile(paths.key, 'no key');
  await expect(open()).rejects.toThrow(
    /CONSOLE_TLS_CERTIFICATE_PATH and CONSOLE_TLS_KEY_PATH: these are no certificate with its private key/,
  );
  await world.restart({ CONSOLE_TLS_KEY_PATH: join(world.folder, 'none.pem') });
  await expect(open()).rejects.toThrow('CONSOLE_TLS_KEY_PATH: the file cannot be read (ENOENT)');
});
