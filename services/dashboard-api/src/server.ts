import { createApp } from './app.ts';
import { Monitor, parseTargets } from './health.ts';

const STOP_MILLISECONDS = 5000;

const app = createApp(new Monitor(parseTargets(process.env['SERVICES'] ?? '')), {
  level: (process.env['LOG_LEVEL'] ?? 'info').toLowerCase(),
  base: { service: 'dashboard-api' },
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label) => ({ level: label.toUpperCase() }) },
});

async function stop(signal: string): Promise<void> {
  app.log.info(`${signal}: stopping`);
  setTimeout(() => {
    app.log.warn('requests were cut off');
    process.exit(0);
  }, STOP_MILLISECONDS).unref();
  // A connection whose last request ends only now would otherwise be kept for the next one.
  setInterval(() => app.server.closeIdleConnections(), 100).unref();
  await app.close(); // lets running requests finish
  app.log.info('stopped');
  process.exit(0);
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);

await app.listen({ host: '0.0.0.0', port: Number(process.env['PORT'] ?? 8080) });
