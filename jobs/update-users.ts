/** Writes what changed: attributes, access given back, names that are yielded. */
export { runOperations as updateUsers } from './run-operations.ts';
