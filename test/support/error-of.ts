import { SyncError } from '../../src/errors.ts';

/** The SyncError that this rejects with; anything else fails the test. */
export async function errorOf(promise: Promise<unknown>): Promise<SyncError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SyncError) return error;
  throw new Error(`not a SyncError: ${String(error)}`);
}
