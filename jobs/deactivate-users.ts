/** Ends access: `active` becomes false, everything else stays as it was. */
export { runOperations as deactivateUsers } from './run-operations.ts';
