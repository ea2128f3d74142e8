/** What stands in deploy/ and compose.yaml names settings, metrics and paths of the service: these are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { neededRole } from '../src/console/access/access.ts';
import { jobStates, queueNames } from '../src/queue/backend.ts';
import { loadSettings } from '../src/settings.ts';
import { settingNames } from '../src/settings-schema.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'deploy/kubernetes');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.literal('console') }) });
const workload = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({
    template: z.object({
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        terminationGracePeriodSeconds: z.number().min(31),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          runAsUser: z.number().min(1),
          seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
        }),
        containers: z.tuple([
          z.object({
            args: z.array(z.string()),
            ports: z.tuple([z.object({ name: z.literal('console'), containerPort: z.number() })]),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
            securityContext: z.object({
              allowPrivilegeEscalation: z.literal(false),
              readOnlyRootFilesystem: z.literal(true),
              capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
            }),
          }),
        ]),
      }),
    }),
  }),
});

const documents = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
  .flatMap((file) => parseAllDocuments(read(file)).map((document): unknown => document.toJS()));
const workloads = documents.flatMap((document) => workload.safeParse(document).data ?? []);
const containers = workloads.flatMap(({ spec }) => spec.template.spec.containers);
const settings = z.record(z.string(), z.string()).parse(parseEnv(read('settings.env')));

describe('the Kubernetes manifests', () => {
  it('run a scheduler and workers as an ordinary user who may do and write nothing', () => {
    expect(containers.map(({ args }) => args.join(' '))).toEqual(['start', 'start --no-schedule']);
  });

  it('have settings that hold together with the secrets they name', () => {
    const named = /It has a line for each: ([^.]+)\./s.exec(read('kustomization.yaml'))?.[1] ?? '';
    const secrets = named.replaceAll(/[\s#]+/g, ' ').split(', ');
    expect(secrets.length).toBeGreaterThan(5);
    expect(secrets.filter((name) => !settingNames.some((known) => known === name))).toEqual([]);
    const url = (name: string) =>
      name.endsWith('_URL')
        ? `${name === 'DATABASE_URL' ? 'postgres' : name.slice(0, -4).toLowerCase()}://u:p@host`
        : undefined;
    const given = Object.fromEntries(secrets.map((name) => [name, url(name) ?? 'x'.repeat(40)]));
    expect(loadSettings({ env: { ...settings, ...given } })).toMatchObject({
      CONSOLE_LISTEN: { host: '0.0.0.0', port: containers[0]?.ports[0].containerPort },
    });
  });

  it('ask for health where anybody may, and where the service answers', () => {
    const paths = containers.flatMap(({ startupProbe, livenessProbe, readinessProbe }) =>
      [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path),
    );
    expect(new Set(paths)).toEqual(new Set(['/healthz', '/readyz']));
    for (const path of paths) expect(neededRole('GET', path)).toBe('nobody');
  });

  it('scale by a metric that there is, with its labels', () => {
    const query = /query: (.*)/.exec(read('autoscaling.yaml'))?.[1] ?? '';
    const [, metric, queue = '', states = ''] = /(\w+)\{.*queue="(\w+)".*state=~"([\w|]+)"\}/.exec(query) ?? [];
    expect(metric).toBe('maptician_sync_queue_jobs');
    expect(queueNames).toContain(queue);
    for (const state of states.split('|')) expect(jobStates).toContain(state);
  });

  it('have all their files, and each of them is used', () => {
    const { resources } = z.object({ resources: z.array(z.string()) }).parse(parse(read('kustomization.yaml')));
    expect([...resources, 'kustomization.yaml', 'settings.env'].sort()).toEqual(readdirSync(folder).sort());
  });
});

it('the image is given what it copies, and runs what is compiled from a file that is there', () => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const allowed = readFileSync(join(root, '.dockerignore'), 'utf8').match(/(?<=^!).*$/gm) ?? [];
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) => files.split(' '));
  expect(copied.length).toBeGreaterThan(5);
  for (const path of copied) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(allowed).toContain(path.split('/', 1)[0]);
  }
  const programs = [...dockerfile.matchAll(/dist\/(\S+)\.js/g)].map(([, path]) => `${path}.ts`);
  expect(programs).toEqual(['src/cli/main.ts', 'src/console/check-health.ts']);
  for (const path of programs) expect(existsSync(join(root, path)), path).toBe(true);
});
