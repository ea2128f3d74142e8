import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '../../src/package-root.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { stateMetricNames } from '../../src/telemetry/state-metrics.ts';

const read = (name: string) => readFile(join(packageRoot, 'docs/monitoring', name), 'utf8');

/** Each name that `/metrics` has, as Prometheus stores it. */
async function storedNames(): Promise<Set<string>> {
  const own = await createMetrics().registry.getMetricsAsJSON();
  const histograms = own.filter(({ type }) => String(type) === 'histogram');
  return new Set([
    ...own.map(({ name }) => name),
    ...histograms.flatMap(({ name }) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
    ...stateMetricNames,
  ]);
}

const namesIn = (expression: string) => expression.match(/\bmaptician_sync_\w+/g) ?? [];

const rule = z.object({
  alert: z.string(),
  expr: z.string(),
  for: z.string(),
  labels: z.object({ severity: z.enum(['warning', 'critical']) }),
  annotations: z.object({ summary: z.string().min(10), description: z.string().min(30) }),
});
const rules = z.object({ groups: z.array(z.object({ name: z.string(), rules: z.array(rule).min(1) })) });
const panel = z.object({
  type: z.string(),
  title: z.string(),
  targets: z.array(z.object({ expr: z.string(), datasource: z.object({ uid: z.string() }) })).default([]),
});
const dashboard = z.object({
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(panel),
});

it('each alert asks for metrics that there are, and says what to do', async () => {
  const known = await storedNames();
  const { groups } = rules.parse(parse(await read('alerts.yaml')));
  const expressions = groups.flatMap((group) => group.rules.map(({ expr }) => expr));
  const names = expressions.flatMap(namesIn);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  expect(new Set(names).size).toBeGreaterThan(5);
});

it('each panel of the dashboard asks the chosen data source for metrics that there are', async () => {
  const known = await storedNames();
  const { panels, templating } = dashboard.parse(JSON.parse(await read('grafana-dashboard.json')));
  expect(templating.list).toContainEqual({ name: 'datasource', type: 'datasource' });
  const targets = panels.flatMap((shown) => shown.targets);
  for (const { datasource } of targets) expect(datasource.uid).toMatch(/^\$\{datasource\}$/);
  const names = targets.flatMap(({ expr }) => namesIn(expr));
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  // Whatever is told is shown.
  const told = [...known].filter((name) => !/_(sum|count)$/.test(name) && !/_total$|_timestamp_|count_age/.test(name));
  const shown = new Set(names.map((name) => name.replace(/_bucket$/, '')));
  expect(told.filter((name) => !shown.has(name.replace(/_bucket$/, '')))).toEqual([]);
});
