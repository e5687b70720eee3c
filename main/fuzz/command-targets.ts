import { assert } from '../../app/bits/decoded.ts';
import { textFromUtf8, utf8FromText } from '../../app/bits/text.ts';
import { parseUntil } from '../../app/debug/until.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { MOST_WRITTEN_BYTES } from '../../app/memory/write-places.ts';
import type { Answer } from '../../app/refusals/answer.ts';
import { breakCommand } from '../hosts/cli/break-words.ts';
import { memCommand } from '../hosts/cli/mem-words.ts';
import type { FuzzTarget } from './target.ts';

/** Words of the command line that have a grammar of their own, as `batch` takes them from another program. */

const VCPU = { pid: 1, vcpu: 0, suspendSeccomp: false } as const;

/** What a refusal says, without what was typed. */
const wordOfAnswer = <T>(read: Answer<T>, typed: string): string => {
  if (read.ok) return 'yes';
  const words = read.refusal.what.split(' ').filter((word) => /^[a-z]{3,}$/.test(word) && !typed.includes(word));
  return words.join(' ').slice(0, 80);
};

/** Words divided by lines. */
const wordsOf = (text: string): readonly string[] => text.split('\n');

const mem: FuzzTarget = {
  name: 'words of mem',
  seeds: () => ['rsi+0x40:f32×4', 'rsp:u64\n1,2', '0x1000\n00 ff', '0x7e00:bf16\n1.5,-inf', '-5*3'].map(utf8FromText),
  run: (bytes) => {
    const text = textFromUtf8(bytes);
    const [place = '', write] = wordsOf(text);
    const read = memCommand({ kind: 'live', vcpu: VCPU }, { write, json: false }, [place]);
    if (!read.ok) return wordOfAnswer(read, text);
    const { bytes: count, write: written, type } = read.value;
    assert(count > 0, 'nothing is asked for');
    if (written !== null) assert(written.length === count && count <= MOST_WRITTEN_BYTES, 'more than may be written');
    return `${type} ${written === null ? 'read' : 'written'}`;
  },
};

const breakpoints: FuzzTarget = {
  name: 'words of break',
  seeds: () => ['0x7e00:write:4', '0xffffffff81000000', '#NM\n0x10:access', '0x7e01:write:8'].map(utf8FromText),
  run: (bytes) => {
    const text = textFromUtf8(bytes);
    const read = breakCommand(VCPU, { json: false }, wordsOf(text));
    if (!read.ok) return wordOfAnswer(read, text);
    for (const { address, bytes: count } of read.value.breakpoints) {
      assert(address >= 0n && address >> 64n === 0n && address % BigInt(count) === 0n, 'what no debug register takes');
    }
    return read.value.breakpoints.map(({ on, bytes: count }) => `${on}${count}`).join(' ');
  },
};

const NOW = sampleCapture();

const conditions: FuzzTarget = {
  name: 'conditions of run',
  seeds: () =>
    ['rax == 5', 'xfd & 0x40000', 'zmm3:f32[1] > 1.5', 'zmm3 changes', 'AVX in use', 'next is tile'].map(utf8FromText),
  run: (bytes) => {
    const text = textFromUtf8(bytes);
    const read = parseUntil(text, NOW);
    if (!read.ok) return wordOfAnswer(read, text);
    const lookups = read.value.lookups(NOW);
    return `${lookups === null ? 'from outside' : Math.min(lookups.length, 9)}, ${read.value.holds(NOW, NOW)}`;
  },
};

export const COMMAND_TARGETS: readonly FuzzTarget[] = [mem, breakpoints, conditions];
