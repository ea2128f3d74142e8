/** Opens at the first call and only then; a failure is not kept, so the next call tries again. */
export function once<T>(open: () => Promise<T>): (() => Promise<T>) & { opened: () => boolean } {
  let opening: Promise<T> | undefined;
  const get = () => {
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  };
  return Object.assign(get, { opened: () => opening !== undefined });
}
