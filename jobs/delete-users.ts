/** Deletes the accounts of users who were purged from Entra. */
export { runOperations as deleteUsers } from './run-operations.ts';
