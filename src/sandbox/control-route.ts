/** One call of the control API. */
interface ControlCall {
  readonly parameters: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export interface ControlRoute {
  readonly method: string;
  readonly pattern: RegExp;
  readonly usage: string;
  /** undefined answers 204. */
  readonly handle: (call: ControlCall) => unknown;
}

/** `POST /_emu/users/{id}/purge` becomes a method, a pattern and a line of help. */
export function on(usage: string, handle: ControlRoute['handle']): ControlRoute {
  const [method = '', path = ''] = usage.split(' ');
  const pattern = new RegExp(`^${path.replace(/[$.]/g, '\\$&').replace(/\{\w+\}/g, '([^/]+)')}/?$`);
  return { method, pattern, usage, handle };
}
