/** Writes a saved plan: to a file beside it first, so that one that stands there is replaced by a whole one or not at all. */
import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { SyncError, toError } from '../errors.ts';
import { checksum, format, header, type PlanHeader, type PlanLine, version } from './plan-format.ts';

export interface PlanWriter {
  write(lines: readonly PlanLine[]): Promise<void>;
  /** Puts the file in its place, over one that stood there. Resolves with the number of operations. */
  finish(about: Pick<PlanHeader, 'installation' | 'userStore' | 'fingerprint' | 'waits'>): Promise<number>;
  /** Leaves nothing behind where it was not finished. */
  close(): Promise<void>;
}

/** Longer than any header, whose counts are known only at the end; it is filled up with blanks. */
const headerLength = 4096;

/** Begins a plan. Rejects with SyncError Misconfigured where it cannot. */
export async function createPlan(path: string): Promise<PlanWriter> {
  const partial = `${path}.partial`;
  const cannot = (thrown: unknown) =>
    new SyncError('Misconfigured', `The plan cannot be saved to ${path}: ${toError(thrown).message}`);
  const file = await open(partial, 'w', 0o600).catch((thrown: unknown) => {
    throw cannot(thrown);
  });
  const body = createHash('sha256');
  const counts: Record<string, number> = {};
  let operations = 0;
  let position = headerLength;
  const append = async (text: string) => {
    const { bytesWritten } = await file.write(Buffer.from(text), 0, undefined, position);
    position += bytesWritten;
  };
  return {
    write: async (lines) => {
      if (lines.length === 0) return;
      const text = lines.map((one) => `${toJson(one)}\n`).join('');
      body.update(text);
      operations += lines.length;
      for (const { action } of lines) counts[action] = (counts[action] ?? 0) + 1;
      await append(text).catch((thrown: unknown) => {
        throw cannot(thrown);
      });
    },
    finish: async (about) => {
      const first = header.parse({ format, version, createdAt: new Date().toISOString(), ...about, counts });
      const json = JSON.stringify(first);
      const text = `${json}${' '.repeat(Math.max(0, headerLength - 1 - Buffer.byteLength(json)))}\n`;
      if (Buffer.byteLength(text) !== headerLength) throw new Error('the header of the plan is too long');
      const sha256 = checksum(text, body.digest('hex'));
      try {
        await append(`${JSON.stringify({ operations, sha256 })}\n`);
        await file.write(text, 0);
        // A file that was there before keeps its mode.
        await file.chmod(0o600);
        await file.sync();
        await file.close();
        await rename(partial, path);
      } catch (thrown) {
        throw cannot(thrown);
      }
      return operations;
    },
    close: async () => {
      await file.close().catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

/** In one line for every reader: some take these two for the end of one, and JSON does not escape them. */
function toJson(line: PlanLine): string {
  return JSON.stringify(line).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
