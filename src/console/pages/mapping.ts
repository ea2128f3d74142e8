/** The attribute mapping: the table in use, an expression tried out, and what other files would do. */
import { readFile } from 'node:fs/promises';
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { parseAttributeTable } from '../../mapping/attribute-table.ts';
import { describeError, ExpressionError } from '../../mapping/expression/expression-error.ts';
import { exportSchema } from '../../mapping/schema-json/export-schema.ts';
import type { ScopingFilters } from '../../scope/filters/model.ts';
import { parseScopingFilters } from '../../scope/filters/parse-filters.ts';
import { noFilters } from '../../scope/load-scoping-filters.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { previewForViewer, tryForViewer } from '../try-mapping.ts';
import { type ExpressionForm, expressionTester, filterList, mappingTable } from './mapping-parts.ts';
import { type PreviewForm, previewForm } from './mapping-preview.ts';

const expressionForm = z.object({
  expression: z.string().trim().max(10_000),
  values: z.string().max(100_000).default(''),
  user: z.string().trim().max(400).default(''),
});

const previewInput = z.object({ attributes: z.string(), filters: z.string() });

/** Characters of a file: what is longer is none that a person edits here, and costs the service dearly to read. */
const fileAtMost = 100_000;

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
    const tester = await testExpression(c, form.data);
    return page(c, { title: 'Mapping', section: '/mapping', body: await body({ tester }) });
  });

  app.post('/mapping/preview', async (c) => {
    const form = previewInput.safeParse(await c.req.parseBody());
    if (!form.success) throw badRequest('Send both files.');
    const problem = tooLong(form.data) ?? (previewing ? busy : undefined);
    const preview = problem === undefined ? await tryFiles(c, form.data) : { ...form.data, problem };
    return page(c, { title: 'Mapping', section: '/mapping', body: await body({ preview }) });
  });

  async function tryFiles(c: Context<ConsoleEnv>, form: PreviewForm): Promise<PreviewForm> {
    previewing = true;
    try {
      const inUse = await written();
      const isNew = (name: 'attributes' | 'filters') => linesOf(form[name]) !== linesOf(inUse[name]);
      const trial = {
        table: isNew('attributes') ? parseAttributeTable(form.attributes, 'attributes.yaml') : undefined,
        filters: isNew('filters') ? filtersOf(form.filters) : undefined,
      };
      return { ...form, found: await previewForViewer(context, c.get('viewer'), trial, c.req.raw) };
    } catch (thrown) {
      return { ...form, problem: problemOf(thrown) };
    } finally {
      previewing = false;
    }
  }

  async function testExpression(c: Context<ConsoleEnv>, form: z.infer<typeof expressionForm>): Promise<ExpressionForm> {
    const { expression, values, user } = form;
    const assignments = linesOf(values)
      .split('\n')
      .filter((line) => line.trim() !== '');
    try {
      const test = { expression, assignments, ...(user !== '' && { user }) };
      return { ...form, tried: await tryForViewer(context, c.get('viewer'), test, c.req.raw) };
    } catch (thrown) {
      return { ...form, problem: problemOf(thrown) };
    }
  }

  return app;
}

const busy = 'Another preview runs at this moment. Try again when it has ended.';

function tooLong(form: z.infer<typeof previewInput>): string | undefined {
  const files = [['attributes.yaml', form.attributes] as const, ['scoping-filters.yaml', form.filters] as const];
  const long = files.find(([, text]) => text.length > fileAtMost);
  if (long === undefined) return undefined;
  const [name, { length }] = long;
  return `${name} has ${length.toLocaleString('en')} characters, and a file of more than ${fileAtMost.toLocaleString('en')} is not tried here. The command mapping preview takes it.`;
}

/** What whoever tried something can do something about; the rest is thrown on. */
function problemOf(thrown: unknown): string {
  if (thrown instanceof ExpressionError) return describeError(thrown);
  if (thrown instanceof SyncError && thrown.code !== 'InternalError') return thrown.message;
  throw thrown;
}

/** Without any text there are none, as without the file. */
function filtersOf(text: string): ScopingFilters {
  return text.trim() === '' ? noFilters : parseScopingFilters(text, 'scoping-filters.yaml');
}

/** A browser sends lines with a carriage return. */
function linesOf(text: string): string {
  return text.replaceAll('\r\n', '\n').trim();
}
