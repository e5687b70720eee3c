import { WebSocket } from 'ws';

/** A page as the browser's is one, for what it is to find after an attack: that it is still answered. */
export interface AttackPage {
  readonly secret: string;
  ask(verb: string, ...args: readonly unknown[]): Promise<unknown>;
  close(): void;
}

/** For what hangs: what is only slow is slow tenfold beside others. */
const ANSWER_TIMEOUT_MS = 100_000;

export const openPage = (port: number, word: string): Promise<AttackPage> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/bridge`, ['tilescope', word], {
      headers: { Origin: `http://127.0.0.1:${port}` },
    });
    const waiting = new Map<number, (answer: unknown) => void>();
    let lastId = 0;
    const page = (secret: string): AttackPage => ({
      secret,
      ask: (verb, ...args) =>
        new Promise((answered, failed) => {
          lastId += 1;
          const timer = setTimeout(() => failed(new Error(`${verb} was not answered`)), ANSWER_TIMEOUT_MS);
          waiting.set(lastId, (answer) => {
            clearTimeout(timer);
            answered(answer);
          });
          socket.send(JSON.stringify({ id: lastId, verb, args }));
        }),
      close: () => socket.close(),
    });
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString()) as { secret?: string; id?: number; answer?: unknown };
      if (message.secret !== undefined) resolve(page(message.secret));
      if (message.id === undefined) return;
      waiting.get(message.id)?.(message.answer);
      waiting.delete(message.id);
    });
    socket.on('open', () => {
      if (word.startsWith('tilescope.secret.')) resolve(page(word.slice('tilescope.secret.'.length)));
    });
    socket.on('unexpected-response', (_request, response) => reject(new Error(`refused with ${response.statusCode}`)));
    socket.on('error', reject);
  });
