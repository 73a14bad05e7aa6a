/**
 * network.ts: between the devices and the server: loses, repeats, delays, damages and invents messages, and cuts
 * devices off.
 */
import type { SimulatedDevice } from './device.js';
import { Random } from './random.js';
import type { Question, SimulatedServer } from './server.js';
import { NO_REPLY, type Reply } from './simulated.js';
import type { Fate } from './steps.js';

const TIMED_OUT: Reply = { ...NO_REPLY, code: 28, text: 'the operation timed out' };
const PARTIAL_FILE = 18;
/** Turns of the event loop after which a request that is still open is one that waits for a change. */
const TURNS = 12;
const ANSWERS_KEPT = 20;

/** Answers that do not come from our server: overload, proxies, a captive portal. */
const FOREIGN: readonly Partial<Reply>[] = [
  { status: 429, retryAfter: 2 },
  { status: 503, retryAfter: 1 },
  { status: 503 },
  { status: 500, text: 'text/html', body: Buffer.from('<html>failed</html>') },
  { status: 502, text: 'text/html', body: Buffer.from('<html>bad gateway</html>') },
  { status: 408 },
  { status: 403, text: 'text/html', body: Buffer.from('<html>log in first</html>') },
  { status: 200, text: 'text/html', body: Buffer.from('<html>welcome to this hotel</html>') },
  { status: 302, text: 'text/html' },
  { status: 404, text: 'text/html' },
];

export interface Partition {
  devices: ReadonlySet<SimulatedDevice>;
  way: 'there' | 'back' | 'both';
}

export class Network {
  readonly #server: () => SimulatedServer;
  readonly #count: (fault: string) => void;
  /** Requests that arrive after their senders have given up. */
  readonly late: Question[] = [];
  /** Requests that wait for a change, by device. */
  readonly #open = new Map<SimulatedDevice, { reply: Reply | undefined }>();
  readonly #answers = new Map<string, Reply[]>();
  partition: Partition | undefined;

  constructor(server: () => SimulatedServer, count: (fault: string) => void) {
    this.#server = server;
    this.#count = count;
  }

  /** The reply to what a device asks; undefined while the server lets it wait. */
  async exchange(
    device: SimulatedDevice,
    question: Question,
    fate: Fate | undefined,
  ): Promise<Reply | undefined> {
    if (this.#isCut(device, 'there')) return this.#counted('partition', NO_REPLY);
    const random = new Random(fate?.seed ?? 0, 'fate');
    switch (fate?.kind) {
      case 'requestLost':
        return this.#counted(fate.kind, random.chance(0.5) ? TIMED_OUT : NO_REPLY);
      case 'deliveredLate':
        this.late.push({ ...question, body: Buffer.from(question.body) });
        return this.#counted(fate.kind, TIMED_OUT);
      case 'errorStatus':
        return this.#counted(fate.kind, { ...NO_REPLY, text: '', code: 0, ...random.pick(FOREIGN) });
      case 'oldAnswer': {
        const answers = this.#answersTo(device, question);
        if (answers.length > 0) return this.#counted(fate.kind, random.pick(answers));
        break;
      }
      case 'deliveredTwice':
        if (!question.isPost) break;
        this.#count(fate.kind);
        await this.#deliver(device, question);
        break;
      default:
    }
    const sent = fate?.kind === 'corruptedRequest' ? this.#corrupted(question, random) : question;
    const reply = await this.#deliver(device, sent);
    return reply === undefined ? undefined : this.#spoiled(this.#back(device, question, reply), fate, random);
  }

  /** Has the device a request at the server that waits for a change? */
  isOpen(device: SimulatedDevice): boolean {
    return this.#open.has(device);
  }

  /** Goes on with a request that waits for a change. */
  async waited(device: SimulatedDevice): Promise<Reply | undefined> {
    const open = this.#open.get(device);
    if (open === undefined) return undefined;
    await turns();
    if (open.reply !== undefined) this.#open.delete(device);
    return open.reply;
  }

  /** Forgets what a device waits for: it has been restarted. */
  forget(device: SimulatedDevice): void {
    this.#open.delete(device);
  }

  /** Delivers a request whose sender has given up. */
  async deliverLate(which: number): Promise<void> {
    const [question] = this.late.splice(which % Math.max(1, this.late.length), 1);
    if (question === undefined || question.url.includes('/wait?')) return;
    await this.#server().request(question);
  }

  async #deliver(device: SimulatedDevice, question: Question): Promise<Reply | undefined> {
    const open: { reply: Reply | undefined } = { reply: undefined };
    const arrives = this.#server()
      .request(question)
      .then((reply) => {
        open.reply = reply;
      });
    if (!question.url.includes('/wait?')) await arrives;
    else await turns();
    if (open.reply === undefined) this.#open.set(device, open);
    return open.reply;
  }

  #isCut(device: SimulatedDevice, way: 'there' | 'back'): boolean {
    const { partition } = this;
    return partition?.devices.has(device) === true && (partition.way === 'both' || partition.way === way);
  }

  #back(device: SimulatedDevice, question: Question, reply: Reply): Reply {
    const answers = this.#answersTo(device, question);
    answers.push(reply);
    if (answers.length > ANSWERS_KEPT) answers.shift();
    return this.#isCut(device, 'back') ? this.#counted('partition', NO_REPLY) : reply;
  }

  #spoiled(reply: Reply, fate: Fate | undefined, random: Random): Reply {
    if (fate === undefined || reply.status === 0) return reply;
    if (fate.kind === 'answerLost') return this.#counted(fate.kind, TIMED_OUT);
    if (fate.kind === 'truncated' && reply.body.length > 1) {
      const body = reply.body.subarray(0, random.below(reply.body.length));
      // Libcurl notices when it has been told the length; some proxies shorten that too.
      return this.#counted(fate.kind, { ...reply, body, code: random.chance(0.5) ? PARTIAL_FILE : 0 });
    }
    if (fate.kind === 'corruptedAnswer')
      return { ...reply, body: this.#flipped(fate.kind, reply.body, random) };
    return reply;
  }

  #corrupted(question: Question, random: Random): Question {
    return { ...question, body: this.#flipped('corruptedRequest', question.body, random) };
  }

  /** Flips 1 to 16 bits of the packet in a message, if there is one: what packets do not cover is TLS's business. */
  #flipped(fault: string, body: Buffer, random: Random): Buffer {
    const start = body.indexOf('CSP');
    if (start < 0 || body.length < start + 24) return body;
    const size = Math.min(24 + body.readUInt32LE(start + 12), body.length - start);
    const copy = Buffer.from(body);
    for (let left = random.between(1, 16); left > 0; left--) {
      const at = start + random.below(size);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    }
    return copy.equals(body) ? body : this.#counted(fault, copy);
  }

  #answersTo(device: SimulatedDevice, question: Question): Reply[] {
    const name = `${device.name} ${question.url.split('?', 1)[0]}`;
    const answers = this.#answers.get(name) ?? [];
    this.#answers.set(name, answers);
    return answers;
  }

  #counted<Result>(fault: string, result: Result): Result {
    this.#count(fault);
    return result;
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
