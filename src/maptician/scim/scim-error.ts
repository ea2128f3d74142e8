/**
 * What a refusal says, and which class of the error table it is. Pure. Error answers are those of RFC 7644 section
 * 3.12, and what servers send instead.
 */
import { z } from 'zod';
import { type ErrorCode, SyncError } from '../../errors.ts';

/** An answer of a SCIM server. */
export interface ScimAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when there was none; in a refusal that is no JSON, its text. */
  readonly body: unknown;
  /** The Location header, as it was sent. */
  readonly location?: string;
}

export interface ScimErrorBody {
  /** The keyword, lower case: `uniqueness`, `invalidvalue`, … */
  readonly scimType?: string;
  /** The server's own words; they may quote a person's data. */
  readonly detail?: string;
}

const longestDetail = 500;

const text = z
  .string()
  .transform((value) => value.replace(/\s+/g, ' ').trim())
  .pipe(z.string().min(1))
  .optional()
  .catch(undefined);

/** One error: SCIM 2.0's words, SCIM 1.1's `description` and `code`, and the usual `message` and `error`. */
const oneError = z.looseObject({
  scimType: text,
  detail: text,
  description: text,
  message: text,
  error_description: text,
  error: text,
});
const severalErrors = z
  .union([
    z.array(oneError).min(1),
    z.looseObject({ errors: z.array(oneError).min(1) }).transform(({ errors }) => errors),
    // SCIM 1.1 (section 3.9) spells it so.
    z.looseObject({ Errors: z.array(oneError).min(1) }).transform(({ Errors }) => Errors),
  ])
  .transform((errors) => errors[0])
  .catch(undefined);

/** The keyword and the words of an error answer, as far as it has them; a page for people (HTML) has neither. */
export function scimErrorOf(answer: ScimAnswer): ScimErrorBody {
  if (typeof answer.body === 'string') {
    const words = text.parse(answer.body);
    return words === undefined || words.startsWith('<') ? {} : { detail: cut(words) };
  }
  const outer = oneError.safeParse(answer.body).data;
  const inner = severalErrors.parse(answer.body);
  const scimType = outer?.scimType ?? inner?.scimType;
  const detail = wordsOf(outer) ?? wordsOf(inner);
  return {
    ...(scimType === undefined ? {} : { scimType: scimType.toLowerCase() }),
    ...(detail === undefined ? {} : { detail: cut(detail) }),
  };
}

function wordsOf(error: z.infer<typeof oneError> | undefined): string | undefined {
  return error?.detail ?? error?.description ?? error?.message ?? error?.error_description ?? error?.error;
}

function cut(words: string): string {
  const characters = [...words];
  return characters.length <= longestDetail ? words : `${characters.slice(0, longestDetail - 1).join('')}…`;
}

const taken =
  /\balready (been )?(exists?|taken|used|in use|registered|assigned)\b|\bmust be unique\b|\bnot unique\b|\bduplicate\b/i;
const missing =
  /\b(is|are|was|were|value|field|attribute) (a )?(required|mandatory|missing|empty|blank)\b|\b(required|mandatory|missing) (value|field|attribute|property)|\bmust not be (empty|blank|null)\b|\bcan(not|'t| not) be (empty|blank|null)\b/i;
const unknown =
  /\b(unknown|unsupported|unrecogni[sz]ed|undefined|no such) (attribute|path|schema|field|property)\b|\b(attribute|path|schema|field|property)\b.*\b(not (found|defined|supported|known|recogni[sz]ed)|does not exist|unknown)\b/i;

const byStatus: Readonly<Record<number, ErrorCode>> = {
  405: 'MethodNotAllowed',
  409: 'Conflict',
  501: 'NotImplemented',
};

const byKeyword: Readonly<Record<string, ErrorCode>> = {
  uniqueness: 'Conflict',
  invalidpath: 'SchemaAttributeNotFound',
  notarget: 'SchemaAttributeNotFound',
};

/** Servers that send no keyword, or `invalidValue` for all (RFC 7644, table 9), say in words what is wrong. */
function codeOf(status: number, { scimType, detail = '' }: ScimErrorBody): ErrorCode {
  const known = byStatus[status] ?? byKeyword[scimType ?? ''];
  if (known !== undefined) return known;
  if (status !== 400 && status !== 422) return 'UnprocessableEntity';
  if (taken.test(detail)) return 'Conflict';
  if (unknown.test(detail)) return 'SchemaAttributeNotFound';
  return missing.test(detail) ? 'MandatoryFieldsMissing' : 'UnprocessableEntity';
}

const happened: Partial<Record<ErrorCode, string>> = {
  Conflict: "a value that must be unique is another account's",
  SchemaAttributeNotFound: 'it does not know an attribute',
  MandatoryFieldsMissing: 'a required value is missing',
  MethodNotAllowed: 'it does not allow this kind of request',
  NotImplemented: 'it does not know this kind of request',
};

/**
 * The error that the refusal (4xx, 501) of a request about one user is. A 404 is taken to be about that user: of the
 * address of all users, it is the Tenant URL that is wrong.
 */
export function refusalOf(answer: ScimAnswer): SyncError {
  const { status } = answer;
  const error = scimErrorOf(answer);
  const options = { detail: error.detail, httpStatus: status };
  if (status === 404) return new SyncError('InvalidAnchor', 'Maptician has no such account (404)', options);
  const code = codeOf(status, error);
  const what = status === 413 ? 'it is too large for it' : (happened[code] ?? 'it does not take these values');
  return new SyncError(code, `Maptician refused the request (${status}): ${what}`, options);
}
