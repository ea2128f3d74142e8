import { configDefaults, defineConfig } from 'vitest/config';

/** What takes minutes by its nature has a script of its own, `npm run test:deep`, so that `npm test` ends within five. */
const long = [
  'test/pipeline/kill.test.ts',
  'test/pipeline/scim-kill.test.ts',
  'test/demo.test.ts',
  'test/embedded-postgres.test.ts',
  'test/command-line.test.ts',
  'test/mapping-command.test.ts',
  'test/upgrade-together.test.ts',
  'test/telemetry/tracing.test.ts',
  'test/pipeline/convergence.test.ts',
  'test/pipeline/plan-is-exact.test.ts',
  'test/pipeline/provision.test.ts',
  'test/pipeline/failures.test.ts',
  'test/pipeline/notifications.test.ts',
  'test/pipeline/drift.test.ts',
  'test/pipeline/refused-again.test.ts',
  'test/pipeline/mapping-rows.test.ts',
  'test/scim/scim-client.test.ts',
  'test/pipeline/user-store-changes.test.ts',
  'test/pipeline/scim-cost.test.ts',
  'test/pipeline/scim-strict.test.ts',
  'test/pipeline/scim-faults.test.ts',
  'test/console/*-browser.test.ts',
];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: process.env.DEEP === 'true' ? configDefaults.exclude : [...configDefaults.exclude, ...long],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 4,
  },
});
