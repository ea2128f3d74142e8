/** What may go wrong on purpose: a plan of faults, set by tests and by the control API. */
import { z } from 'zod';
import type { Random } from './random.ts';

const retryAfterSchema = z.union([
  z.number().nonnegative().describe('seconds, whole or fractional'),
  z.strictObject({ date: z.number().describe('an HTTP date this many seconds from now') }),
]);

const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status').describe('an error with this status, on Graph in a batch too; nothing was carried out'),
    status: z.int().min(200).max(599),
    code: z.string().optional().describe("Graph's code, or SCIM's scimType"),
    message: z.string().optional(),
    retryAfter: retryAfterSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('html').describe('an HTML page instead of JSON, as a proxy sends; nothing was carried out'),
    status: z.int().min(200).max(599).default(502),
  }),
  z.strictObject({
    kind: z.literal('reset').describe('the connection is closed without an answer; nothing was carried out'),
  }),
  z.strictObject({
    kind: z.literal('lost').describe('the connection is closed without an answer; it was carried out all the same'),
  }),
  z.strictObject({
    kind: z.literal('cut').describe('the connection is closed in the middle of the body; it was carried out'),
  }),
  z.strictObject({
    kind: z.literal('truncated').describe('a complete answer whose JSON stops half-way; it was carried out'),
  }),
  z.strictObject({
    kind: z.literal('slow').describe('a pause in the middle of the body; it was carried out'),
    milliseconds: z.int().min(0),
  }),
  z.strictObject({
    kind: z.literal('stall').describe('a pause with nothing answered, then the answer'),
    milliseconds: z.int().min(0),
    carriedOut: z
      .enum(['before', 'after'])
      .default('before')
      .describe('whether it is carried out before the pause or after it; before is the nasty one'),
  }),
  z.strictObject({
    kind: z.literal('foreignLink').describe('Graph only: nextLink, deltaLink and Location lead to another origin'),
    origin: z.url(),
  }),
  z.strictObject({
    kind: z.literal('gone').describe('Graph only: a delta request gets 410 and a Location to begin anew'),
    origin: z.url().optional().describe('where the Location leads instead'),
  }),
]);

export const faultRuleSchema = z.strictObject({
  method: z.string().optional(),
  path: z
    .string()
    .default('*')
    .describe("the path, Graph's without /v1.0, such as /users/delta or /scim/v2/Users*; * stands for anything"),
  query: z.string().optional().describe('text the query contains, without regard to case, such as deltatoken'),
  after: z.int().min(0).default(0).describe('let this many matching requests through first'),
  times: z.int().min(1).optional().describe('how often; by default once, or without end when a probability is given'),
  probability: z.number().min(0).max(1).optional(),
  fault: faultSchema,
});

export type Fault = z.infer<typeof faultSchema>;
export type FaultRule = z.input<typeof faultRuleSchema>;

/** Faults that only an answer of Graph can have. */
const graphOnly: ReadonlySet<Fault['kind']> = new Set(['foreignLink', 'gone']);

/** What a rule looks at. `path` has no version of Graph's, `query` no question mark. */
interface FaultTarget {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Whether it is a request inside a batch: those know only faults that are an answer. */
  readonly inner: boolean;
}

export interface Faults {
  /** Adds a rule and returns its id. */
  inject(rule: FaultRule): number;
  /** Removes one rule, or all. */
  clear(id?: number): void;
  /** The rules that still wait for a request, and how often each has struck. */
  list(): { id: number; struck: number; rule: z.output<typeof faultRuleSchema> }[];
  /** The first rule's fault that strikes this request. */
  take(target: FaultTarget): Fault | undefined;
}

interface ActiveRule {
  readonly id: number;
  readonly rule: z.output<typeof faultRuleSchema>;
  readonly path: RegExp;
  seen: number;
  struck: number;
}

const globPattern = (glob: string): RegExp =>
  new RegExp(`^${glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i');

export function createFaults(random: Random): Faults {
  let rules: ActiveRule[] = [];
  let lastId = 0;

  const strikes = (active: ActiveRule, target: FaultTarget): boolean => {
    const { method, query, after, probability = 1, fault } = active.rule;
    if (target.inner && fault.kind !== 'status' && fault.kind !== 'html') return false;
    if (graphOnly.has(fault.kind) && target.path.startsWith('/scim/')) return false;
    if (method && method.toUpperCase() !== target.method) return false;
    if (!active.path.test(target.path)) return false;
    if (query && !target.query.toLowerCase().includes(query.toLowerCase())) return false;
    active.seen++;
    return active.seen > after && (probability === 1 || random.chance(probability));
  };

  return {
    inject(input) {
      const rule = faultRuleSchema.parse(input);
      lastId++;
      rules.push({ id: lastId, rule, path: globPattern(rule.path), seen: 0, struck: 0 });
      return lastId;
    },
    clear(id) {
      rules = id === undefined ? [] : rules.filter((active) => active.id !== id);
    },
    list: () => rules.map(({ id, struck, rule }) => ({ id, struck, rule })),
    take(target) {
      const active = rules.find((candidate) => strikes(candidate, target));
      if (!active) return undefined;
      active.struck++;
      const times = active.rule.times ?? (active.rule.probability === undefined ? 1 : Number.POSITIVE_INFINITY);
      if (active.struck >= times) rules = rules.filter((other) => other !== active);
      return active.rule.fault;
    },
  };
}

/** The Retry-After header's value (RFC 9110 section 10.2.3; Graph also sends fractions). */
export function retryAfterValue(retryAfter: z.infer<typeof retryAfterSchema>): string {
  if (typeof retryAfter === 'number') return String(retryAfter);
  return new Date(Date.now() + retryAfter.date * 1000).toUTCString();
}
