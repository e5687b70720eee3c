import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer, BridgeVerb, SessionEvent } from '../../app/bridge.ts';

interface Heard {
  readonly id?: number;
  readonly answer?: Answer<never>;
  readonly event?: SessionEvent;
  readonly secret?: string;
}

/** A client of the web host's bridge as the page is one: let in by token, then by secret; text messages over a WebSocket. */
export class BridgeClient {
  /** What the host has told without being asked, the first first. */
  readonly events: SessionEvent[] = [];
  readonly #socket: Socket;
  readonly #origin: string;
  /** Told by the host to whoever came in by its token; '' until then. */
  #secret: string;
  readonly #waiting = new Map<number, { resolve: (answer: Answer<never>) => void; reject: (why: Error) => void }>();
  #heard: Buffer = Buffer.alloc(0);
  #message: Buffer[] = [];
  #lastId = 0;

  private constructor(socket: Socket, origin: string, secret: string) {
    this.#socket = socket;
    this.#origin = origin;
    this.#secret = secret;
    socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the web host is gone'));
      this.#waiting.clear();
    });
  }

  /** @param url the one that the web host prints, with its token */
  static async open(url: string): Promise<BridgeClient> {
    const { origin, hash } = new URL(url);
    const client = await BridgeClient.#connect(origin, `tilescope.token.${hash.slice(1)}`, '');
    // The secret comes first, before any answer.
    await client.sure('hostFacts');
    if (client.#secret === '') throw new Error('no secret for the token');
    return client;
  }

  /** Another tab of the same browser, or the same one once more after it was reloaded. */
  another(): Promise<BridgeClient> {
    return BridgeClient.#connect(this.#origin, `tilescope.secret.${this.#secret}`, this.#secret);
  }

  static async #connect(origin: string, word: string, secret: string): Promise<BridgeClient> {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      Host: new URL(origin).host,
      Origin: origin,
      'Sec-WebSocket-Protocol': `tilescope, ${word}`,
    };
    const asked = request(new URL('/bridge', origin), { headers });
    const socket = await new Promise<Socket>((resolve, reject) => {
      asked.once('upgrade', (_response, upgraded, head) => {
        // What came in one piece with the answer: the host's first words.
        if (head.length > 0) upgraded.unshift(head);
        resolve(upgraded);
      });
      asked.once('response', (response) => reject(new Error(`no WebSocket: ${response.statusCode}`)));
      asked.once('error', reject);
      asked.end();
    });
    return new BridgeClient(socket, origin, secret);
  }

  ask<T>(verb: BridgeVerb, ...args: readonly unknown[]): Promise<Answer<T>> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(textFrame(JSON.stringify({ id, verb, args })));
    });
  }

  /** The same for calls that must succeed. */
  async sure<T>(verb: BridgeVerb, ...args: readonly unknown[]): Promise<T> {
    const answer = await this.ask<T>(verb, ...args);
    if (!answer.ok) throw new Error(`${verb}: ${JSON.stringify(answer.refusal)}`);
    return answer.value;
  }

  /** As a browser that crashes or a tab that is closed: calls that wait are never answered. */
  close(): void {
    this.#socket.destroy();
  }

  /** Frames of a server are not masked; a message may come in several. (RFC 6455, 5.2) */
  #hear(chunk: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, chunk]);
    for (;;) {
      const heard = this.#heard;
      if (heard.length < 2) return;
      const [first, short] = [heard.readUInt8(0), heard.readUInt8(1) & 0x7f];
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (heard.length < headBytes) return;
      const sizeBytes =
        short === 126 ? heard.readUInt16BE(2) : short === 127 ? Number(heard.readBigUInt64BE(2)) : short;
      if (heard.length < headBytes + sizeBytes) return;
      const payload = heard.subarray(headBytes, headBytes + sizeBytes);
      this.#heard = heard.subarray(headBytes + sizeBytes);
      const opcode = first & 0x0f;
      if (opcode > 1) continue;
      this.#message.push(payload);
      if ((first & 0x80) === 0) continue;
      const text = Buffer.concat(this.#message).toString();
      this.#message = [];
      const { id, answer, event, secret } = JSON.parse(text) as Heard;
      if (secret !== undefined) this.#secret = secret;
      if (event !== undefined) this.events.push(event);
      if (id === undefined || answer === undefined) continue;
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    }
  }
}

/** A client's frames are masked. (RFC 6455, 5.3) */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  head.writeUInt8(0x81, 0);
  if (head.length === 2) head.writeUInt8(0x80 | payload.length, 1);
  else if (head.length === 4) {
    head.writeUInt8(0x80 | 126, 1);
    head.writeUInt16BE(payload.length, 2);
  } else {
    head.writeUInt8(0x80 | 127, 1);
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([head, mask, masked]);
}
