import { connect, type Socket } from 'node:net';

const PROMPT = '(qemu) ';

/** QEMU's human monitor over its socket: one question at a time. */
export class Monitor {
  readonly #socket: Socket;
  #heard = '';
  #waiting: ((text: string) => void) | null = null;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#heard += chunk.toString();
      if (!this.#heard.endsWith(PROMPT) || this.#waiting === null) return;
      const text = this.#heard;
      this.#heard = '';
      this.#waiting(text);
      this.#waiting = null;
    });
  }

  /** @param failed why QEMU has ended, once it has */
  static async open(path: string, failed: () => string | null): Promise<Monitor> {
    for (;;) {
      const problem = failed();
      if (problem !== null) throw new Error(problem);
      try {
        const socket = await new Promise<Socket>((resolve, reject) => {
          const tried = connect(path);
          tried.once('connect', () => resolve(tried));
          tried.once('error', reject);
        });
        const monitor = new Monitor(socket);
        await monitor.#next();
        return monitor;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  ask(command: string): Promise<string> {
    const answer = this.#last.then(async () => {
      const next = this.#next();
      this.#socket.write(`${command}\n`);
      const text = await next;
      // The monitor echoes the command letter by letter with escape sequences; the answer starts after the last of them.
      return text.slice(text.lastIndexOf('\u001b[K') + 3, -PROMPT.length).trim();
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #next(): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}
