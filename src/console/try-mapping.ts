/** What may be tried with a mapping before it is in use, and by whom: one place for pages and API. */
import { z } from 'zod';
import type { Preview } from '../cycle/preview.ts';
import { SyncError } from '../errors.ts';
import {
  type AttributeTable,
  fingerprint,
  propertiesRead,
  propertyOf,
  redactedProperties,
} from '../mapping/attribute-table.ts';
import { attributesOf, type Tried, tryExpression, tryExpressionHiding } from '../mapping/try-expression.ts';
import { previewMapping, type Trial } from '../preview-mapping.ts';
import { sourceAttributes } from '../scope/filters/evaluate-filters.ts';
import { readUserValues } from '../source-values-of-user.ts';
import { writeAudit } from '../state/audit.ts';
import { endOf } from './api/openapi.ts';
import { actorOf, type ConsoleContext, type Viewer } from './context.ts';

export interface ExpressionTest {
  readonly expression: string;
  /** `name=value`. */
  readonly assignments: readonly string[];
  /** Whose attributes all others are: an object id or a userPrincipalName. */
  readonly user?: string | undefined;
}

/**
 * Tries an expression. A reader may try it with whom cycles have read and what they have read of them, and is not shown what Redact
 * hides. An operator may try it with anybody in Entra, and a look at somebody who is no concern of the service is written down.
 * @throws ExpressionError where the expression is wrong or has no value
 * @throws SyncError where a value given by hand is wrong, or the user cannot be read
 */
export async function tryForViewer(
  context: ConsoleContext,
  viewer: Viewer,
  { expression, assignments, user }: ExpressionTest,
  request: Request,
): Promise<Tried> {
  if (user === undefined) return tryExpression(expression, assignments, {});
  const { service } = context;
  const mirrorOnly = viewer.role === 'reader';
  const names = attributesOf(expression);
  const { values, mirrored } = await readUserValues(service, endOf(request, context), user, names, { mirrorOnly });
  if (mirrorOnly) {
    const hidden = redactedProperties(service.table);
    return tryExpressionHiding(expression, assignments, values, (name) => hidden.has(propertyOf(name)));
  }
  if (!mirrored) {
    await writeAudit(service.database.pool, {
      actor: actorOf(viewer),
      action: 'mapping test',
      subject: `user ${z.guid().safeParse(user).success ? user.toLowerCase() : 'by name'}`,
    });
  }
  return tryExpression(expression, assignments, values);
}

/** Milliseconds for which a preview may keep the service busy. */
const previewAtMost = 60_000;

/**
 * Previews other files for somebody who waits for a page.
 * @throws SyncError Misconfigured where a reader may not try them, Timeout where it takes too long, Interrupted where nobody waits any
 * more
 */
export async function previewForViewer(
  context: ConsoleContext,
  viewer: Viewer,
  trial: Trial,
  request: Request,
): Promise<Preview> {
  const { service } = context;
  const hidden = viewer.role === 'reader' ? hiddenRead(service.table, trial) : [];
  if (hidden.length > 0) {
    throw new SyncError(
      'Misconfigured',
      `Only an operator may try this: what is new reads ${hidden.join(', ')}, which the attribute table in use hides (Redact).`,
    );
  }
  const ended = endOf(request, context);
  const late = AbortSignal.timeout(previewAtMost);
  try {
    return await previewMapping(service, trial, AbortSignal.any([ended, late]));
  } catch (thrown) {
    if (ended.aborted)
      throw new SyncError('Interrupted', 'The preview was stopped, since nobody waits for it any more');
    if (!late.aborted) throw thrown;
    throw new SyncError(
      'Timeout',
      'The preview took longer than a minute and was stopped. The command mapping preview takes as long as it needs.',
    );
  }
}

/** Values show in what a row would write, and those that a filter asks for in who would leave scope. */
function hiddenRead(inUse: AttributeTable, { table, filters }: Trial): string[] {
  const redacted = redactedProperties(inUse);
  const meaningOf = (mapping: AttributeTable['mappings'][number]) => fingerprint({ ...inUse, mappings: [mapping] });
  const known = new Set(inUse.mappings.map(meaningOf));
  const news = (table?.mappings ?? []).filter((mapping) => !known.has(meaningOf(mapping)));
  const read = new Set([
    ...propertiesRead({ ...inUse, mappings: news }),
    ...(filters === undefined ? [] : sourceAttributes(filters)).map(({ name }) => propertyOf(name)),
  ]);
  return [...read].filter((property) => redacted.has(property));
}
