import { createServer } from 'node:http';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { get } from 'node:https';
import { expect, test } from 'vitest';
import { isLoopback } from './offline.ts';

// The setup file of the tests has imported offline.ts, so this file sees the guard at work. The addresses are
// reserved for documentation: nobody answers there.

test('fetch beyond loopback fails and names the host', async () => {
  await expect(fetch('http://192.0.2.1/')).rejects.toThrow('"192.0.2.1" is not this machine');
  await expect(fetch(new Request('https://baton.invalid/'))).rejects.toThrow('"baton.invalid"');
});

test('sockets beyond loopback fail before a name is looked up', () => {
  expect(() => connect(80, '192.0.2.1')).toThrow('is not this machine');
  expect(() => connect({ port: 80, host: 'baton.invalid' })).toThrow('"baton.invalid"');
  expect(() => connectTls({ port: 443, host: '192.0.2.1' })).toThrow('is not this machine');
  expect(() => get('https://192.0.2.1/')).toThrow('is not this machine');
});

test('loopback works', async () => {
  const server = createServer((_, response) => void response.end('here'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('The server has no port.');
    const response = await fetch(`http://localhost:${address.port}/`);
    expect(await response.text()).toBe('here');
  } finally {
    server.close();
  }
});

test('what is loopback and what only looks like it', () => {
  for (const host of [undefined, 'localhost', '127.0.0.1', '127.9.9.9', '[::1]', '::1', '::ffff:127.0.0.1']) {
    expect(isLoopback(host), host).toBe(true);
  }
  for (const host of ['0.0.0.0', '10.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', '::2']) {
    expect(isLoopback(host), host).toBe(false);
  }
});
