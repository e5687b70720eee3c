import { connect, type Socket } from 'node:net';
import { kvmAbsent } from '../boot/kvm.mjs';
import { createRandom, mutated } from '../fuzz/mutate.ts';
import { openPage } from './page.ts';
import type { Attacked } from './report.ts';
import { startHost } from './web-host.ts';

/** A client that nobody asked for: what it sends, holds open and asks at once, while a page works and then Ctrl+C comes. */

const HELD = 150;
const STARTS = 30;

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

const requests = (port: number): readonly Uint8Array[] => [
  text(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`),
  text('GET // HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
  text(
    `GET /bridge HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: tilescope, tilescope.token.${'a'.repeat(43)}\r\nCookie: tilescope-${port}=x\r\n\r\n`,
  ),
];

/** What came back; an end without a word counts as one. */
const sendOne = (port: number, bytes: Uint8Array): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(heard));
    socket.on('error', () => resolve(heard));
    socket.end(bytes);
  });

const hold = (port: number, bytes: Uint8Array): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      socket.write(bytes);
      resolve(socket);
    });
    socket.on('error', () => resolve(socket));
  });

interface Listed {
  readonly value?: { readonly targets: readonly { readonly pid: number; readonly startTimeTicks: string }[] };
}

/** Ctrl+C while a vCPU is held: what had been started by then, what was left, and how the host ended. */
const endWhileHeld = async (web: string): Promise<{ figures: readonly string[]; broken: readonly string[] }> => {
  const absent = kvmAbsent();
  if (absent !== null) return { figures: [`skipped: a vCPU held at Ctrl+C: ${absent}`], broken: [] };
  const host = await startHost({ web });
  const page = await openPage(host.port, `tilescope.token.${host.token}`);
  const demo = (await page.ask('startDemo')) as { value?: { pid: number } };
  const listed = (await page.ask('listTargets')) as Listed;
  const target = listed.value?.targets.find(({ pid }) => pid === demo.value?.pid);
  const attached = (await page.ask('attach', target?.pid, target?.startTimeTicks, 0, true)) as { ok?: boolean };
  const started = host.started();
  const ended = await host.end('SIGINT');
  const outlivers = await host.outlivers();
  page.close();
  // A user whom yama keeps from it has no helper that lasts.
  const wanted = ['demo-vmm', ...(attached.ok === true ? ['tilescope-helpe'] : [])];
  return {
    figures: [
      `a vCPU ${attached.ok === true ? 'held' : 'that may not be held'} at Ctrl+C: ended with ${ended.code} after ${ended.ms} ms, and ${outlivers.length === 0 ? wanted.join(' and ') : 'not all'} with it`,
    ],
    broken: [
      ...wanted.filter((name) => !started.includes(name)).map((name) => `${name} was not started`),
      ...(ended.code === 0 ? [] : [`the host ended with ${ended.code} while a vCPU was held`]),
      ...(outlivers.length === 0 ? [] : [`it is outlived by ${outlivers.join(', ')}`]),
    ],
  };
};

export const attackAsClient = async (web: string, connections: number, seed: number): Promise<Attacked> => {
  const host = await startHost({ web });
  const { port } = host;
  const page = await openPage(port, `tilescope.token.${host.token}`);
  const random = createRandom(seed);
  const kinds = requests(port);
  const statuses = new Map<string, number>();
  let upgraded = 0;
  for (let done = 0; done < connections; ) {
    const batch = Array.from({ length: Math.min(20, connections - done) }, () =>
      mutated(random.pick(kinds), random, kinds),
    );
    const answers = await Promise.all(batch.map((bytes) => sendOne(port, bytes)));
    for (const answer of answers) {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'no answer';
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === '101') upgraded += 1;
    }
    done += batch.length;
  }
  const goesOn = (await page.ask('listModels')) as { ok?: boolean };
  // Everything that can be held, and as many starts as a page can ask for, when the signal comes.
  const held = await Promise.all(Array.from({ length: HELD }, (_, at) => hold(port, kinds[at % 3] ?? text(''))));
  const starting = Array.from({ length: STARTS }, () => page.ask('startDemo').catch(() => null));
  const ended = await host.end('SIGINT');
  const outlivers = await host.outlivers();
  for (const socket of held) socket.destroy();
  await Promise.race([Promise.all(starting), new Promise((resolve) => setTimeout(resolve, 100))]);
  const secrets = [host.token, page.secret].filter((secret) => host.said().split(secret).length > 2);
  page.close();
  const whileHeld = await endWhileHeld(web);
  return {
    name: 'hostile client',
    figures: [
      `${connections} connections of broken requests: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`,
      `${HELD} connections held open and ${STARTS} starts of the demo guest at Ctrl+C: ended with ${ended.code} after ${ended.ms} ms, and ${outlivers.length === 0 ? 'all that it had started with it' : 'not all with it'}`,
      ...whileHeld.figures,
    ],
    broken: [
      ...(upgraded === 0 ? [] : [`${upgraded} upgrades without the secret`]),
      ...(goesOn.ok === true ? [] : ['the page was not answered after it']),
      ...(ended.code === 0 ? [] : [`the host ended with ${ended.code}`]),
      ...(outlivers.length === 0 ? [] : [`it is outlived by ${outlivers.join(', ')}`]),
      ...(secrets.length === 0 ? [] : ['a secret was said again']),
      ...(/at .+:\d+:\d+/.test(host.said()) ? ['an exception was printed'] : []),
      ...whileHeld.broken,
    ],
  };
};
