/** The name of the database that tests copy: migrated, and otherwise empty. */
export const migratedTemplate = 'test_migrated';
