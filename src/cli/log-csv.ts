/** `log --csv`: the three files of Microsoft's download, written beside each other. */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../errors.ts';
import { type CsvFile, csvFiles, csvHead, csvLines } from '../log-export/csv.ts';
import type { ProvisioningObjectSummary } from '../log-record/summary.ts';

interface OpenFile {
  readonly name: CsvFile;
  readonly path: string;
  /** Where it is written until it is complete. */
  readonly part: string;
  readonly handle: FileHandle;
}

/**
 * Writes the files into a folder, which is made. Files of before are replaced when all of the new ones are complete.
 * Resolves with the number of entries. They hold personal data: only their owner can read them.
 */
export async function writeCsvFiles(
  folder: string,
  pages: AsyncIterable<readonly ProvisioningObjectSummary[]>,
): Promise<number> {
  const files: OpenFile[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const name of csvFiles) files.push(await openFile(folder, name));
    let entries = 0;
    for await (const page of pages) {
      const lines = page.map(csvLines);
      for (const { name, handle } of files) await handle.appendFile(lines.map((line) => line[name]).join(''));
      entries += page.length;
    }
    for (const { handle } of files) await handle.close();
    for (const { part, path } of files) await rename(part, path);
    return entries;
  } catch (thrown) {
    for (const { handle, part } of files) {
      await handle.close().catch(() => undefined);
      await rm(part, { force: true }).catch(() => undefined);
    }
    if (!isFileError(thrown)) throw thrown;
    throw new SyncError('Misconfigured', `The files of --csv could not be written (${thrown.code})`);
  }
}

async function openFile(folder: string, name: CsvFile): Promise<OpenFile> {
  const part = join(folder, `.${name}.csv.part`);
  const handle = await open(part, 'w', 0o600);
  await handle.appendFile(csvHead(name));
  return { name, path: join(folder, `${name}.csv`), part, handle };
}

/** A failed system call of files; those of a lost database are of sockets. */
function isFileError(thrown: unknown): thrown is NodeJS.ErrnoException {
  if (!(thrown instanceof Error) || !('syscall' in thrown)) return false;
  return ['mkdir', 'open', 'write', 'close', 'rename'].includes(String(thrown.syscall));
}
