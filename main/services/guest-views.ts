import { decoded, describeProblem } from '../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../app/bits/text.ts';
import type { Answer, Bridge } from '../../app/bridge.ts';
import { parseAddress } from '../../app/debug/address.ts';
import { findMemory } from '../../app/debug/find-memory.ts';
import { codeView, nameCode, readCode, readRows } from '../../app/debug/guest-view.ts';
import type { SymbolFile } from '../../app/debug/place-symbols.ts';
import type { Session } from '../../app/debug/session.ts';
import { MOST_FRAMES } from '../../app/debug/unwind.ts';
import { callsView, whoIn } from '../../app/debug/who.ts';
import { type Btf, readBtfFile } from '../../app/disas/symbols/btf.ts';
import { readSymbolFile } from '../../app/disas/symbols/read-symbols.ts';
import type { SymbolTable } from '../../app/disas/symbols/symbol-table.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { encodeCapture } from '../../app/session/document.ts';
import { loadDecoder } from '../disas/load-decoder.ts';
import { readArea } from './xsave-area.ts';

type WithSession = <T>(id: string, use: (session: Session) => Promise<Answer<T>>) => Promise<Answer<T>>;

export interface GuestViews
  extends Pick<
    Bridge,
    'readCode' | 'nameCode' | 'readMemory' | 'findMemory' | 'readArea' | 'readCalls' | 'takeSymbols' | 'placeSymbols'
  > {
  /** The session has ended. */
  forget(id: string): void;
}

/** Guest code and guest memory for a page, with the symbols that it has given each session. */
export const createGuestViews = (withSession: WithSession): GuestViews => {
  const symbols = new Map<string, SymbolFile>();
  /** Of those whose file has BTF. */
  const types = new Map<string, Btf>();
  /** Where a session has said that they are loaded. */
  const loads = new Map<string, bigint>();
  /** Where they lay when code was read last. */
  const placed = new Map<string, SymbolTable>();
  const forget = (id: string): void => {
    symbols.delete(id);
    types.delete(id);
    loads.delete(id);
    placed.delete(id);
  };
  return {
    readCode: (id, address, count, syntax) =>
      withSession(id, async (session) => {
        const file = symbols.get(id) ?? null;
        const code = await readCode(session, await loadDecoder(), {
          address,
          count,
          syntax,
          symbols: file,
          loadAddress: loads.get(id) ?? null,
        });
        if (code.ok && code.value.symbols !== null) placed.set(id, code.value.symbols);
        return code.ok ? answer(codeView(code.value)) : code;
      }),
    nameCode: (id, codes, syntax) =>
      withSession(id, async () => {
        const decoder = await loadDecoder();
        return answer(codes.map((one) => nameCode(one, syntax, decoder, placed.get(id) ?? null)));
      }),
    readMemory: (id, request) => withSession(id, (session) => readRows(session, request)),
    findMemory: (id, request) => withSession(id, (session) => findMemory(session, request)),
    readArea: (id, text, isPhysical) =>
      withSession(id, async (session) => {
        const at = parseAddress(text, false);
        if (at === null) return refuse('usage', `${text} is no address`);
        const area = await readArea(session, at, isPhysical);
        return area.ok ? answer(encodeCapture(area.value)) : area;
      }),
    readCalls: (id) =>
      withSession(id, (session) =>
        session.withMemory(async (memory, { facts }) => {
          const loadAddress = loads.get(id) ?? null;
          const files = { symbols: symbols.get(id) ?? null, loadAddress, btf: types.get(id) ?? null };
          const who = await whoIn(memory, facts, files, MOST_FRAMES);
          return who.ok ? answer(callsView(who.value, memory.proof.translations)) : who;
        }),
      ),
    takeSymbols: (id, name, base64) =>
      withSession(id, async () => {
        if (base64 === '') {
          forget(id);
          return answer({ count: 0 });
        }
        const bytes = Buffer.from(base64, 'base64');
        const file = { bytes: bytes.length, read: (at: number, count: number) => bytes.subarray(at, at + count) };
        const read = readSymbolFile(file, () => decoded(textFromUtf8(bytes)));
        if (!read.ok) return refuse('file', `${name} gives no symbols: ${describeProblem(read.problem)}`);
        forget(id);
        symbols.set(id, { path: name, ...read.value });
        // A file of symbols need not have types.
        const btf = readBtfFile(file);
        if (btf.ok) types.set(id, btf.value);
        return answer({ count: read.value.table.count });
      }),
    placeSymbols: (id, text) =>
      withSession(id, async () => {
        if (!symbols.has(id)) return refuse('usage', 'no file of symbols was given');
        const address = text === null ? null : parseAddress(text, false);
        if (text !== null && (address === null || address.register !== null)) {
          return refuse('usage', `symbols are loaded at an address, not ${text}`);
        }
        if (address === null) loads.delete(id);
        else loads.set(id, address.offset);
        return answer(null);
      }),
    forget,
  };
};
