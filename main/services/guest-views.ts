import { decoded, describeProblem } from '../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../app/bits/text.ts';
import type { Answer, Bridge } from '../../app/bridge.ts';
import { findMemory } from '../../app/debug/find-memory.ts';
import { codeView, nameCode, readCode, readRows } from '../../app/debug/guest-view.ts';
import type { SymbolFile } from '../../app/debug/place-symbols.ts';
import type { Session } from '../../app/debug/session.ts';
import { readSymbolFile } from '../../app/disas/symbols/read-symbols.ts';
import type { SymbolTable } from '../../app/disas/symbols/symbol-table.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { loadDecoder } from '../disas/load-decoder.ts';

type WithSession = <T>(id: string, use: (session: Session) => Promise<Answer<T>>) => Promise<Answer<T>>;

export interface GuestViews
  extends Pick<Bridge, 'readCode' | 'nameCode' | 'readMemory' | 'findMemory' | 'takeSymbols'> {
  /** The session has ended. */
  forget(id: string): void;
}

/** Guest code and guest memory for a page, with the symbols that it has given each session. */
export const createGuestViews = (withSession: WithSession): GuestViews => {
  const symbols = new Map<string, SymbolFile>();
  /** Where they lay when code was read last. */
  const placed = new Map<string, SymbolTable>();
  return {
    readCode: (id, address, count, syntax) =>
      withSession(id, async (session) => {
        const file = symbols.get(id) ?? null;
        const code = await readCode(session, await loadDecoder(), {
          address,
          count,
          syntax,
          symbols: file,
          loadAddress: null,
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
    takeSymbols: (id, name, base64) =>
      withSession(id, async () => {
        if (base64 === '') {
          symbols.delete(id);
          placed.delete(id);
          return answer({ count: 0 });
        }
        const bytes = Buffer.from(base64, 'base64');
        const read = readSymbolFile({ bytes: bytes.length, read: (at, count) => bytes.subarray(at, at + count) }, () =>
          decoded(textFromUtf8(bytes)),
        );
        if (!read.ok) return refuse('file', `${name} gives no symbols: ${describeProblem(read.problem)}`);
        symbols.set(id, { path: name, ...read.value });
        return answer({ count: read.value.table.count });
      }),
    forget: (id) => {
      symbols.delete(id);
      placed.delete(id);
    },
  };
};
