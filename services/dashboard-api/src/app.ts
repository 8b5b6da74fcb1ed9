import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Monitor } from './health.ts';

export function createApp(monitor: Monitor, logger: FastifyServerOptions['logger'] = false): FastifyInstance {
  const app = fastify({ logger, forceCloseConnections: 'idle' });

  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'no such page' }));
  app.setErrorHandler((error, request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
    if (status >= 500) request.log.error(error);
    const message = status < 500 && error instanceof Error ? error.message : 'internal error';
    return reply.code(status).send({ error: message });
  });

  app.get('/healthz', { logLevel: 'warn' }, () => ({
    status: 'ok',
    service: 'dashboard-api',
    version: process.env['VERSION'] ?? 'dev',
  }));

  app.get('/v1/overview', () => monitor.overview());

  app.get<{ Params: { name: string } }>('/v1/services/:name', async (request, reply) => {
    const found = (await monitor.check()).find((service) => service.name === request.params.name);
    return found ?? reply.code(404).send({ error: 'no such service' });
  });

  return app;
}
