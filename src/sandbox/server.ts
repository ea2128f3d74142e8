/** The sandbox's sockets: http or https on loopback, and what a fault does to a connection. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import type { SandboxRequest, SandboxResponse } from './http-message.ts';

export interface SandboxServer {
  /** Such as `https://127.0.0.1:4711`. */
  readonly origin: string;
  close(): Promise<void>;
}

export type SandboxHandler = (request: SandboxRequest) => Promise<SandboxResponse>;

/**
 * Listens on 127.0.0.1.
 * @param certificate none for plain http
 * @param port 0 for any free one
 */
export async function listen(handler: SandboxHandler, certificate?: Certificate, port = 0): Promise<SandboxServer> {
  const onRequest: http.RequestListener = (request, response) => {
    respond(handler, request, response).catch(() => response.destroy());
  };
  const server = certificate ? https.createServer(certificate, onRequest) : http.createServer(onRequest);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    origin: `${certificate ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  handler: SandboxHandler,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  const answer = await handler({
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
  });
  await send(answer, response);
}

async function send({ status, headers, body, fault }: SandboxResponse, response: http.ServerResponse): Promise<void> {
  const bytes = Buffer.from(body, 'utf8');
  const half = bytes.subarray(0, Math.floor(bytes.length / 2));
  if (fault?.kind === 'stall') await pause(fault.milliseconds);
  if (fault?.kind === 'reset' || fault?.kind === 'lost') {
    response.destroy();
    return;
  }
  if (fault?.kind === 'truncated') {
    response.writeHead(status, { ...headers, 'Content-Length': half.length }).end(half);
    return;
  }
  response.writeHead(status, { ...headers, 'Content-Length': bytes.length });
  if (fault?.kind === 'cut') {
    response.write(half, () => response.destroy());
    return;
  }
  if (fault?.kind === 'slow') {
    response.write(half);
    await pause(fault.milliseconds);
    response.end(bytes.subarray(half.length));
    return;
  }
  response.end(bytes);
}

const pause = (milliseconds: number): Promise<void> => delay(milliseconds, undefined, { ref: false });
