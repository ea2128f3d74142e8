/** What was asked of the sandbox, so that a test can say what a client must and must not do. */
interface LoggedRequest {
  /** Who answered it. */
  readonly service: 'graph' | 'authority' | 'maptician';
  /** Real time, milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Path, Graph's without the version. */
  readonly path: string;
  /** 0 where nothing was answered because nothing was carried out. */
  readonly status: number;
  /** Whether it carried a bearer token; the token itself is not kept. */
  readonly authorized: boolean;
  /** Whether it came inside a batch. */
  readonly inner: boolean;
  /** The request's headers but the Authorization header, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body sent to Maptician, parsed where it is JSON. */
  readonly body?: unknown;
  /** What it cost, on Graph. */
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
