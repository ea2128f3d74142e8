/** `mapping export`: the mapping in use as Microsoft's synchronization schema. */
import { writeFile } from 'node:fs/promises';
import { SyncError, toError } from '../errors.ts';
import { exportSchema } from '../mapping/schema-json/export-schema.ts';
import { print } from './command.ts';
import { mappingInUse, reportFile } from './mapping-files.ts';

/** The JSON alone goes to standard output; what Microsoft has no equal of is told on standard error. */
export async function exportMapping(options: { readonly output?: string }): Promise<number> {
  try {
    const { table, filters } = await mappingInUse();
    const { schema, notes } = exportSchema(table, filters);
    const text = JSON.stringify(schema, null, 2);
    if (options.output === undefined) print(text);
    else await writeNew(options.output, text);
    if (notes.length > 0) {
      process.stderr.write(`Microsoft's service differs here:\n${notes.map((note) => `- ${note}\n`).join('')}`);
    }
    return 0;
  } catch (thrown) {
    return reportFile(thrown, {});
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, `${text}\n`, { flag: 'wx' });
  } catch (thrown) {
    const cause = toError(thrown);
    const exists = 'code' in cause && cause.code === 'EEXIST';
    const reason = exists ? 'exists already; name another' : `cannot be written: ${cause.message}`;
    throw new SyncError('Misconfigured', `The file ${path} ${reason}`, { cause });
  }
}
