/**
 * Prometheus with promtool, from Debian. Gives BATON_PROMETHEUS_URL, BATON_PROMTOOL, and BATON_PROMETHEUS_FOLDER: what
 * is to be scraped stands in its `targets.json`, rules in its `rules/*.yml`, which are read at POST /-/reload.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, ordinaryUser, runService, serviceFolder } from './service.ts';
import type { Running, Service } from './service.ts';

export const prometheus: Service = { name: 'prometheus', start: () => startPrometheus() };

const CONFIG = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['rules/*.yml']
scrape_configs:
  - job_name: baton
    file_sd_configs: [{ files: ['targets.json'], refresh_interval: 1s }]
`;

async function startPrometheus(): Promise<Running> {
  const bin = findProgram('prometheus', { packages: ['prometheus'], folders: () => [] });
  const user = ordinaryUser();
  const folder = serviceFolder('prometheus', user);
  const port = await freePort();
  writeFileSync(join(folder, 'prometheus.yml'), CONFIG);
  writeFileSync(join(folder, 'targets.json'), '[]');
  mkdirSync(join(folder, 'rules'));
  for (const name of ['', 'rules']) chmodSync(join(folder, name), 0o777);
  const url = `http://127.0.0.1:${port}`;
  return runService(
    {
      name: 'Prometheus',
      command: join(bin, 'prometheus'),
      args: [
        '--config.file=prometheus.yml',
        '--storage.tsdb.path=data',
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-lifecycle',
      ],
      folder,
      user,
      async ready() {
        const answer = await fetch(`${url}/-/ready`);
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      },
    },
    {
      BATON_PROMETHEUS_URL: url,
      BATON_PROMETHEUS_FOLDER: folder,
      BATON_PROMTOOL: join(bin, 'promtool'),
    },
  );
}
