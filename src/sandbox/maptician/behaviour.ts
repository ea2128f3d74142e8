/** How Maptician's emulated SCIM endpoint behaves, sloppy servers included; changeable while it runs. */
import { z } from 'zod';
import { attributePaths } from '../../mapping/maptician-user.ts';

/** Words in lower case or capitals, and Booleans or their text (`classic` has both, as Microsoft's older client). */
const dialects = ['compliant', 'capitals', 'text', 'classic'] as const;

export const mapticianBehaviourSchema = z.object({
  /** Accounts in a page at most. */
  pageLimit: z.int().min(1).default(100),
  /** Characters a title may have; a longer one is refused. */
  titleLimit: z.int().min(1).nullable().default(null),
  /** A title that is refused. */
  refusedTitle: z.string().nullable().default(null),
  /** Two accounts cannot have the same e-mail. */
  uniqueEmails: z.boolean().default(true),

  /** A list always begins at the first account, whatever startIndex says. */
  repeatsFirstPage: z.boolean().default(false),
  /** A startIndex past the end is answered with the first page instead of an empty one. */
  repeatsFirstPagePastTheEnd: z.boolean().default(false),
  /** So many more (or, below zero, fewer) than there are is what totalResults says. */
  wrongTotal: z.int().default(0),

  /** A filter is passed over: all accounts are answered. */
  ignoresFilter: z.boolean().default(false),
  /** A filter compares userName with regard to case; what must be unique is still compared without. */
  caseSensitiveFilter: z.boolean().default(false),
  /** A filter finds nothing, while a POST of a taken name is refused all the same. */
  filterFindsNothing: z.boolean().default(false),
  /** A filter that finds nobody is answered with 404 instead of an empty list. */
  filterAnswersNotFound: z.boolean().default(false),

  /** Attributes without which a new account is refused. */
  requires: z.array(z.enum(attributePaths)).default([]),
  /** What a POST is answered with, beside Location: `withoutId` is the account and not its id. */
  createAnswers: z.enum(['resource', 'withoutId', 'nothing']).default('resource'),

  /** A 409 has neither scimType nor status in its body. */
  conflictWithoutScimType: z.boolean().default(false),
  /** `"True"` and `"False"` for `active` are kept, and answered, as the text they were sent as. */
  activeAsText: z.boolean().default(false),
  /** The operation words and Booleans a PATCH must have; every other dialect is refused with 400. */
  patchNeeds: z.enum(['any', ...dialects]).default('any'),
  /** `nothing`: a PATCH is always answered with 204 and no body; `always`: with the account, also when nothing changed. */
  patchAnswers: z.enum(['resource', 'nothing', 'always']).default('resource'),
  /** Operations whose path has a filter are taken without a word and do nothing. */
  ignoresTypedPaths: z.boolean().default(false),
  /** DELETE is answered with 200 and the account. */
  deleteAnswersBody: z.boolean().default(false),
  /** DELETE only sets `active` to false; the account stays. */
  softDeletes: z.boolean().default(false),

  /** Eleven digits are stored as a phone number in the style of `+5 (555) 555-5555`. */
  normalisesPhones: z.boolean().default(false),
  /** Spaces around a text are not stored. */
  trimsText: z.boolean().default(false),
  /** Attributes that are taken without a word and not stored. */
  dropsAttribute: z.array(z.enum(attributePaths)).default([]),
});

export type MapticianBehaviour = z.infer<typeof mapticianBehaviourSchema>;
