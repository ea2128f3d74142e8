/**
 * An append-only log of what happened to the users, or to the groups, of the tenant. A delta link is a place in it.
 */
type ChangeEvent = 'created' | 'updated' | 'deleted' | 'purged' | 'restored' | 'memberAdded' | 'memberRemoved';

export interface Change {
  /** Its number; the first is 1. Place n in the log is right after change n. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly event: ChangeEvent;
  readonly id: string;
  /** Names of the properties that changed; empty but for `updated`. */
  readonly properties: readonly string[];
  /** Their values before, by name; undefined where never set. */
  readonly before: Readonly<Record<string, unknown>>;
  /** The member that came or went. */
  readonly member: string | undefined;
  /** Number of the same object's previous change, 0 for none. */
  readonly previous: number;
}

export interface ChangeLog {
  /** Number of the newest change, 0 for none. */
  readonly head: number;
  append(
    event: ChangeEvent,
    id: string,
    detail?: { properties?: readonly string[]; before?: Readonly<Record<string, unknown>>; member?: string },
  ): Change;
  get(number: number): Change | undefined;
  /** Number of the object's newest change, 0 for none. */
  newest(id: string): number;
  /** The newest change that is at least this old: what a lagging replica knows. */
  headBefore(at: number): number;
}

const none: readonly string[] = [];
const nothing: Readonly<Record<string, unknown>> = {};

export function createChangeLog(now: () => number): ChangeLog {
  const changes: Change[] = [];
  const newest = new Map<string, number>();
  return {
    get head() {
      return changes.length;
    },
    append(event, id, { properties = none, before = nothing, member } = {}) {
      const number = changes.length + 1;
      const change: Change = {
        number,
        at: now(),
        event,
        id,
        properties,
        before,
        member,
        previous: newest.get(id) ?? 0,
      };
      changes.push(change);
      newest.set(id, number);
      return change;
    },
    get: (number) => changes[number - 1],
    newest: (id) => newest.get(id) ?? 0,
    headBefore(at) {
      let head = changes.length;
      while (head > 0 && (changes[head - 1]?.at ?? 0) > at) head--;
      return head;
    },
  };
}
