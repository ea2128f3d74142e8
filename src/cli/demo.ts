/** placeholder */
export interface DemoOptions {
  readonly keep?: boolean;
}
export async function demo(_: DemoOptions): Promise<number> {
  return 0;
}
