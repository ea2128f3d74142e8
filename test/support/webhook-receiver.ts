/** A chat's end of a webhook: an HTTP server on loopback that keeps what is posted, and refuses when it is told to. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface WebhookReceiver extends AsyncDisposable {
  /** With a path that only its owner knows. */
  readonly url: string;
  readonly secret: string;
  /** The bodies it took. */
  readonly posted: string[];
  /** What it was asked, taken or not: `POST`, `HEAD`. */
  readonly requests: string[];
  /** What it answers from now on. */
  answer: { readonly status: number; readonly headers?: Record<string, string> };
}

export async function openWebhookReceiver(): Promise<WebhookReceiver> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    receiver.requests.push(request.method ?? '');
    const { status, headers = {} } = receiver.answer;
    if (status < 300 && request.method === 'POST') receiver.posted.push(body);
    response.writeHead(status, headers).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const secret = 'sig-0f1e2d3c';
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${port}/workflows/${secret}`,
    secret,
    posted: [],
    requests: [],
    answer: { status: 202 },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}
