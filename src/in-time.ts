/** Waiting with an end. */

/** What `work` resolves with, or rejects with the error where it takes longer than so many milliseconds; it goes on then, unheard. */
export async function inTime<T>(work: Promise<T>, milliseconds: number, error: () => Error): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(error()), milliseconds);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
