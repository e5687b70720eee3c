import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { ComponentBit } from '../capture/image.ts';
import { parsePath } from '../register/path.ts';
import { nearNames, registerRow } from '../register/registers.ts';
import { COMPONENTS } from '../xsave/components.ts';
import type { RestoreScope } from './assignment.ts';

const componentBit = (word: string): number | undefined =>
  COMPONENTS.find(({ name, label }) => [name, label].some((one) => one.toLowerCase() === word.toLowerCase()))?.bit;

const refuse = (what: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

/**
 * Which parts of a state are meant: component names, "avx,opmask", or register paths, "zmm3,mxcsr". A name that is both
 * is the component.
 */
export const parseScope = (text: string): Decoded<RestoreScope> => {
  const words = text.split(',').map((word) => word.trim());
  if (words.some((word) => word === ''))
    return refuse(`"${text.slice(0, 80)}"`, 'names are separated by one comma each');
  const bits = words.map(componentBit);
  const [paths, components] = [
    words.filter((_, at) => bits[at] === undefined),
    bits.filter((bit) => bit !== undefined),
  ];
  if (paths.length === 0) return decoded({ kind: 'components', bits: [...new Set(components)].sort((a, b) => a - b) });
  for (const path of paths) {
    if (parsePath(path).ok) continue;
    const near = nearNames(
      path.toLowerCase(),
      COMPONENTS.map(({ name }) => name.toLowerCase()),
    );
    const hint = near.length > 0 ? `; is ${near.join(' or ')} meant?` : '';
    return refuse(path.slice(0, 80), `neither a component nor a register${hint}`);
  }
  if (components.length > 0) return refuse(text.slice(0, 80), 'components and registers cannot be mixed');
  return decoded({ kind: 'paths', paths });
};

/** Components that the parts named lie in; null: all. */
export const bitsOfScope = (scope: RestoreScope): readonly ComponentBit[] | null => {
  if (scope.kind === 'all') return null;
  if (scope.kind === 'components') return scope.bits;
  return scope.paths.flatMap((text) => {
    const path = parsePath(text);
    const source = path.ok ? registerRow(path.value.register)?.source : undefined;
    return source?.kind === 'fragments' ? source.parts.map(({ bit }) => bit) : [];
  });
};
