import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import { lastProduct } from '../../store/vcpu/executed.ts';

/** Whether a tile is C, A or B of the product checked, else of the one executed last. */
export function TileRole({ tile }: { tile: number }): ReactElement | null {
  const role = useDebugger((state) => {
    const operands = (state.product ?? lastProduct(state))?.operands;
    if (operands === undefined) return null;
    return tile === operands.c ? 'C' : tile === operands.a ? 'A' : tile === operands.b ? 'B' : null;
  });
  return role === null ? null : <span className="tag role">{role}</span>;
}
