/** Graph's errors (https://learn.microsoft.com/graph/errors). */
export class GraphFault extends Error {
  override readonly name = 'GraphFault';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export const badRequest = (message: string): GraphFault => new GraphFault(400, 'BadRequest', message);

export const unsupportedQuery = (message: string): GraphFault =>
  new GraphFault(400, 'Request_UnsupportedQuery', message);

export const accessDenied = (): GraphFault =>
  new GraphFault(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');

export const notFound = (id: string): GraphFault =>
  new GraphFault(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );

export const syncStateNotFound = (): GraphFault =>
  new GraphFault(
    400,
    'syncStateNotFound',
    'The sync state generation is not found. The delta token is expired and data must be synchronized again.',
  );

/** The body of an error; `requestId` stands in it twice, as the service does it. */
export function errorBody(code: string, message: string, requestId: string, clientRequestId: string): object {
  return {
    error: {
      code,
      message,
      innerError: {
        date: new Date().toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': clientRequestId,
      },
    },
  };
}
