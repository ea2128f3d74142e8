/** A group's properties as Graph spells them (https://learn.microsoft.com/graph/api/resources/group). */
import type { TenantGroup } from '../tenant.ts';

export const groupPropertyNames: readonly string[] = [
  'id',
  'createdDateTime',
  'description',
  'displayName',
  'groupTypes',
  'mailEnabled',
  'mailNickname',
  'securityEnabled',
  'visibility',
];

export function groupValue(group: TenantGroup, name: string): unknown {
  switch (name) {
    case 'id':
      return group.id;
    case 'createdDateTime':
      return new Date(group.createdAt).toISOString();
    case 'description':
      return group.description ?? null;
    case 'displayName':
      return group.displayName;
    case 'groupTypes':
      return group.kind === 'microsoft365' ? ['Unified'] : [];
    case 'mailEnabled':
      return group.kind === 'microsoft365';
    case 'mailNickname':
      return group.id.slice(0, 8);
    case 'securityEnabled':
      return true;
    default:
      return null;
  }
}
