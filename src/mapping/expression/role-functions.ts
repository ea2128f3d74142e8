/** Functions of a user's app roles (https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes). */
import { ArgumentProblem } from './expression-error.ts';
import { eager, type FunctionDefinition, type Values } from './function-definition.ts';
import { isNullOrEmpty, isRoles, type PlainValue, type RoleAssignment } from './values.ts';

const assignments = { name: 'appRoleAssignments', type: 'roles' } as const;
const inputs = {
  appRoleAssignments: [
    { id: '4f8b0f2c-1c37-4f5b-9d6e-0a7c4c0f8a11', value: 'Admin', displayName: 'Administrator' },
    { id: '9c1d7be0-53f4-4a39-8d0d-2f9e5b7a6c22', value: 'User', displayName: 'Ordinary user' },
  ],
};

export const roleFunctions: readonly FunctionDefinition[] = [
  {
    name: 'AppRoleAssignmentsComplex',
    parameters: [assignments],
    gives: 'roles',
    deterministic: true,
    about: 'All roles of the user. They are added; a role that the user no longer has is not taken away.',
    example: { expression: 'IsPresent(AppRoleAssignmentsComplex([appRoleAssignments]))', inputs, output: 'True' },
    build: rolesIn('add'),
  },
  {
    name: 'AssertiveAppRoleAssignmentsComplex',
    parameters: [assignments],
    gives: 'roles',
    deterministic: true,
    about: 'All roles of the user, and no others: a role that the user no longer has is taken away.',
    example: {
      expression: 'IsPresent(AssertiveAppRoleAssignmentsComplex([appRoleAssignments]))',
      inputs,
      output: 'True',
    },
    build: rolesIn('replace'),
  },
  {
    name: 'SingleAppRoleAssignment',
    parameters: [assignments],
    gives: 'text',
    deterministic: true,
    about: 'The value of one of the roles of the user, of several the first.',
    example: { expression: 'SingleAppRoleAssignment([appRoleAssignments])', inputs, output: 'Admin' },
    build: eager((values) => {
      const role = rolesAt(values)?.[0];
      return role === undefined ? null : (role.value ?? role.displayName);
    }),
  },
];

function rolesIn(mode: 'add' | 'replace'): FunctionDefinition['build'] {
  return eager((values): PlainValue => {
    const roles = rolesAt(values);
    return roles === null ? null : { kind: 'roles', roles, mode };
  });
}

function rolesAt(values: Values): readonly RoleAssignment[] | null {
  const value = values[0] ?? null;
  if (isRoles(value)) return value.roles;
  // An empty list of roles looks like any other empty list.
  if (isNullOrEmpty(value)) return value === null ? null : [];
  throw new ArgumentProblem('NotRoles', 'This attribute holds no roles; it is appRoleAssignments that does.', 0);
}
