/** Health and metrics, for whatever watches the service: Kubernetes, Docker, a load balancer, Prometheus. */
import { Hono } from 'hono';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createStateMetrics } from '../telemetry/state-metrics.ts';
import type { ConsoleContext, ConsoleEnv } from './context.ts';
import { createReadiness } from './readiness.ts';

/**
 * `/healthz`: the process lives, whatever becomes of Entra, Maptician or the database, since a restart would not mend those.
 * `/readyz`: it can work, and is not about to end. `/metrics`: for Prometheus.
 */
export function healthRoutes({ service, pool, signal, counts }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  const readiness = createReadiness(service);
  const readState = createStateMetrics({ ...service, database: { pool } }, counts);
  const process = new Registry();
  collectDefaultMetrics({ register: process });

  app.get('/healthz', (c) => c.json({ status: 'ok' }, 200, noStore));

  app.get('/readyz', async (c) => {
    if (signal.aborted) return c.json({ status: 'stopping' }, 503, noStore);
    const { ready, ...parts } = await readiness();
    return c.json({ status: ready ? 'ready' : 'unavailable', ...parts }, ready ? 200 : 503, noStore);
  });

  app.get('/metrics', async (c) => {
    const all = Registry.merge([service.metrics.registry, await readState(), process]);
    return c.body(await all.metrics(), 200, { ...noStore, 'Content-Type': all.contentType });
  });
  return app;
}

const noStore = { 'Cache-Control': 'no-store' };
