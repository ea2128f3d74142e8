import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A Redis that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the machine's `redis-server` on a free port; undefined where it has none. */
export async function startRedis(): Promise<RedisServer | undefined> {
  const port = await freePort();
  const server = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--maxmemory-policy',
      'noeviction',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' },
  );
  const isUp = await new Promise<boolean>((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(false) : reject(error)));
    server.on('exit', (status) => reject(new Error(`redis-server ended with status ${status}`)));
    server.stdout.on('data', (output: Buffer) => output.includes('Ready to accept connections') && resolve(true));
  });
  if (!isUp) return undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      server.removeAllListeners('exit');
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
