/** Creates users in Maptician, or adopts the accounts that are there already. */
export { runOperations as createUsers } from './run-operations.ts';
