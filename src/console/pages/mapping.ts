/** The attribute mapping: the table in use, an expression tried out, and what other files would do. */
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { parseAttributeTable } from '../../mapping/attribute-table.ts';
import { describeError, ExpressionError } from '../../mapping/expression/expression-error.ts';
import { exportSchema } from '../../mapping/schema-json/export-schema.ts';
import { attributesOf, tryExpression } from '../../mapping/try-expression.ts';
import { previewMapping } from '../../preview-mapping.ts';
import type { ScopingFilters } from '../../scope/filters/model.ts';
import { parseScopingFilters } from '../../scope/filters/parse-filters.ts';
import { noFilters } from '../../scope/load-scoping-filters.ts';
import { readUserValues } from '../../source-values-of-user.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { type ExpressionForm, expressionTester, filterList, mappingTable } from './mapping-parts.ts';
import { type PreviewForm, previewForm } from './mapping-preview.ts';

const expressionForm = z.object({
  expression: z.string().trim().max(10_000),
  values: z.string().max(100_000).default(''),
  user: z.string().trim().max(400).default(''),
});

const previewInput = z.object({ attributes: z.string().max(1_000_000), filters: z.string().max(1_000_000) });

interface Shown {
  readonly tester?: ExpressionForm;
  readonly preview?: PreviewForm;
}

export function mappingPages(context: ConsoleContext): Hono<ConsoleEnv> {
  const { service } = context;
  const { table, filters, files } = service;
  const app = new Hono<ConsoleEnv>();
  // A preview goes through the whole mirror: one at a time.
  let previewing = false;

  const written = async (): Promise<PreviewForm> => ({
    attributes: await readFile(files.attributes, 'utf8'),
    filters: await readFile(files.filters, 'utf8').catch(() => ''),
  });
  const body = async ({ tester, preview }: Shown) => html`
    ${mappingTable(table)}
    <p><a href="/mapping/schema.json" download="maptician-schema.json">Download it as Microsoft's synchronization schema</a></p>
    <h2>Scoping filters</h2>
    ${filterList(filters)}
    <h2 id="tester">Try an expression</h2>
    ${expressionTester(tester)}
    <h2 id="preview">Preview a change</h2>
    ${previewForm(preview ?? (await written()))}`;

  app.get('/mapping', async (c) => page(c, { title: 'Mapping', section: '/mapping', body: await body({}) }));

  app.get('/mapping/schema.json', (c) => c.json(exportSchema(table, filters).schema));

  app.post('/mapping/test', async (c) => {
    const form = expressionForm.safeParse(await c.req.parseBody());
    if (!form.success) throw badRequest('The expression, or its values, are too long.');
    const tester = await testExpression(context, form.data, c.req.raw.signal);
    return page(c, { title: 'Mapping', section: '/mapping', body: await body({ tester }) });
  });

  app.post('/mapping/preview', async (c) => {
    const form = previewInput.safeParse(await c.req.parseBody());
    if (!form.success) throw badRequest('The files are too long to be tried here.');
    const preview = previewing
      ? { ...form.data, problem: 'Another preview runs at this moment. Try again when it has ended.' }
      : await tryFiles(form.data);
    return page(c, { title: 'Mapping', section: '/mapping', body: await body({ preview }) });
  });

  async function tryFiles(form: PreviewForm): Promise<PreviewForm> {
    previewing = true;
    try {
      const inUse = await written();
      const isNew = (name: 'attributes' | 'filters') => linesOf(form[name]) !== linesOf(inUse[name]);
      const found = await previewMapping(service, {
        table: isNew('attributes') ? parseAttributeTable(form.attributes, 'attributes.yaml') : undefined,
        filters: isNew('filters') ? filtersOf(form.filters) : undefined,
      });
      return { ...form, found };
    } catch (thrown) {
      if (!(thrown instanceof SyncError) || thrown.code !== 'Misconfigured') throw thrown;
      return { ...form, problem: thrown.message };
    } finally {
      previewing = false;
    }
  }

  return app;
}

/** Without any text there are none, as without the file. */
function filtersOf(text: string): ScopingFilters {
  return text.trim() === '' ? noFilters : parseScopingFilters(text, 'scoping-filters.yaml');
}

/** A browser sends lines with a carriage return. */
function linesOf(text: string): string {
  return text.replaceAll('\r\n', '\n').trim();
}

async function testExpression(
  { service, signal }: ConsoleContext,
  form: z.infer<typeof expressionForm>,
  gone: AbortSignal,
): Promise<ExpressionForm> {
  const { expression, values, user } = form;
  try {
    const known =
      user === '' ? {} : await readUserValues(service, AbortSignal.any([signal, gone]), user, attributesOf(expression));
    const assignments = linesOf(values)
      .split('\n')
      .filter((line) => line.trim() !== '');
    return { ...form, tried: tryExpression(expression, assignments, known) };
  } catch (thrown) {
    if (thrown instanceof ExpressionError) return { ...form, problem: describeError(thrown) };
    if (thrown instanceof SyncError && thrown.code !== 'InternalError') return { ...form, problem: thrown.message };
    throw thrown;
  }
}
