import type { Bridge, BridgeVerb } from '../../app/bridge.ts';

/** Holds the answers of one verb back; the host does its work at once. Gives what lets them all go, in order. */
export const holdBack = (
  bridge: { -readonly [K in keyof Bridge]: Bridge[K] },
  verb: BridgeVerb,
): (() => Promise<void>) => {
  const plain = bridge[verb] as (...args: readonly unknown[]) => Promise<unknown>;
  let letGo: () => void = () => undefined;
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const slow = async (...args: readonly unknown[]): Promise<unknown> => {
    const answer = await plain(...args);
    await open;
    return answer;
  };
  Object.assign(bridge, { [verb]: slow });
  return async () => {
    Object.assign(bridge, { [verb]: plain });
    letGo();
    // Every step that an answer takes through the store is a microtask.
    await new Promise((resolve) => setTimeout(resolve));
  };
};
