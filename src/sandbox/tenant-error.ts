/** Why the tenant refused a change. */
export type TenantErrorCode = 'notFound' | 'conflict' | 'invalid';

export class TenantError extends Error {
  override readonly name = 'TenantError';
  readonly code: TenantErrorCode;

  constructor(code: TenantErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
