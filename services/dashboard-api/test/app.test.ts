import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createApp } from '../src/app.ts';
import { Monitor, parseTargets } from '../src/health.ts';

test('targets are read, and wrong ones refused', () => {
  assert.deepEqual(parseTargets(' a=http://a/ , b=https://b:1'), [
    { name: 'a', url: 'http://a' },
    { name: 'b', url: 'https://b:1' },
  ]);
  assert.deepEqual(parseTargets(''), []);
  assert.throws(() => parseTargets('a=file:///x'), /not name=/);
});

test('one up, one failing, one silent, one not there', async (t) => {
  const answers = createServer((request, response) => {
    if (request.url === '/up/healthz') response.end('{"status":"ok","version":"1.2.3"}');
    else if (request.url === '/bad/healthz') response.writeHead(503).end('{}');
  }).listen(0, '127.0.0.1');
  t.after(() => {
    answers.closeAllConnections();
    answers.close();
  });
  await new Promise((resolve) => answers.once('listening', resolve));
  const root = `http://127.0.0.1:${(answers.address() as AddressInfo).port}`;
  const targets = parseTargets(`up=${root}/up,bad=${root}/bad,silent=${root}/silent,gone=http://127.0.0.1:1`);
  const app = createApp(new Monitor(targets, 200));
  t.after(() => app.close());

  const overview = (await app.inject('/v1/overview')).json();
  assert.equal(overview.status, 'degraded');
  assert.deepEqual(
    overview.services.map((service: { status: string }) => service.status),
    ['up', 'down', 'down', 'down'],
  );
  assert.equal(overview.services[0].version, '1.2.3');
  assert.equal((await app.inject('/v1/services/bad')).json().error, 'answered 503');
  assert.equal((await app.inject('/v1/services/none')).statusCode, 404);
});

test('healthy without any target, unknown pages are 404', async () => {
  const app = createApp(new Monitor([]));
  assert.equal((await app.inject('/healthz')).json().status, 'ok');
  assert.equal((await app.inject('/v1/overview')).json().status, 'up');
  assert.equal((await app.inject('/')).statusCode, 404);
  await app.close();
});
