/** What was asked of the sandbox, so that a test can say what a client must and must not do. */
interface LoggedRequest {
  /** Real time, milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Path without the version. */
  readonly path: string;
  readonly status: number;
  /** Whether it carried a bearer token; the token itself is not kept. */
  readonly authorized: boolean;
  /** Whether it came inside a batch. */
  readonly inner: boolean;
  /** The request's headers but the Authorization header, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it cost. */
  readonly resourceUnits: number;
  /** The fault that struck it. */
  readonly fault: string | undefined;
}

export interface RequestLog {
  readonly entries: readonly LoggedRequest[];
  add(entry: LoggedRequest): void;
  clear(): void;
}

/** @param limit how many are kept; the oldest go first */
export function createRequestLog(limit = 100_000): RequestLog {
  let entries: LoggedRequest[] = [];
  return {
    get entries() {
      return entries;
    },
    add(entry) {
      if (entries.length >= 2 * limit) entries = entries.slice(-limit);
      entries.push(entry);
    },
    clear() {
      entries = [];
    },
  };
}
