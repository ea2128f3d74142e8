/** The names of guests. */

/**
 * A userPrincipalName as it is written to the target: a guest's `alias_partner.example#EXT#@tenant` becomes
 * `alias@partner.example`, any other name stays as it is
 * (https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works#b2b-guest-users). The domain
 * cannot hold an underscore but the alias can, so it is the last one that stands for the `@`.
 */
export function withoutGuestSuffix(userPrincipalName: string): string {
  const suffix = userPrincipalName.search(/#EXT#@/i);
  if (suffix < 0) return userPrincipalName;
  const separator = userPrincipalName.lastIndexOf('_', suffix);
  const alias = userPrincipalName.slice(0, Math.max(separator, 0));
  const domain = userPrincipalName.slice(separator + 1, suffix);
  return alias === '' || domain === '' ? userPrincipalName : `${alias}@${domain}`;
}
