import { BRIDGE_VERBS, type Bridge, type SessionEvent } from '../app/bridge.ts';

/** A pointer that went further, in CSS pixels, drags: it presses nothing. */
const DRAG_PX = 4;

/** What the guard hears of a page. */
type Page = Pick<EventTarget, 'addEventListener'>;

const isList = (target: EventTarget | null): boolean =>
  ((target as Partial<Element> | null)?.closest?.('select') ?? null) !== null;

/**
 * Whether a pointer is pressed and has not been moved since; `onRelease` is called when that is over, behind the click that it
 * makes. A list of the browser's own keeps the release to itself, and is no press.
 */
const pressOf = (page: Page, onRelease: () => void): (() => boolean) => {
  let at: { readonly x: number; readonly y: number } | null = null;
  const over = (): void => {
    if (at === null) return;
    at = null;
    // The click comes with the release, and what it does is done first.
    setTimeout(onRelease);
  };
  const hear = (name: string, listener: (event: PointerEvent) => void): void =>
    page.addEventListener(name, listener as (event: Event) => void, { capture: true, passive: true });
  hear('pointerdown', ({ clientX, clientY, target }) => {
    at = isList(target) ? null : { x: clientX, y: clientY };
  });
  hear('pointermove', ({ clientX, clientY, buttons }) => {
    if (at === null) return;
    if (buttons === 0 || Math.hypot(clientX - at.x, clientY - at.y) > DRAG_PX) over();
  });
  for (const end of ['pointerup', 'pointercancel', 'dragstart', 'keydown', 'blur']) hear(end, over);
  return () => at !== null;
};

/**
 * The same bridge, whose answers and events wait, in their order, while a pointer is pressed: what comes in between press and
 * release would move what is pressed, and the click would be lost, or be another one's.
 */
export const stillWhilePressed = (bridge: Bridge, page: Page): Bridge => {
  const waiting: (() => void)[] = [];
  /** One a task: what an answer leads to is done before the next is told. */
  const tellNext = (): void => {
    if (isPressed()) return;
    waiting.shift()?.();
    if (waiting.length > 0) setTimeout(tellNext);
  };
  const isPressed = pressOf(page, tellNext);
  const inTurn = (tell: () => void): void => {
    if (isPressed() || waiting.length > 0) waiting.push(tell);
    else tell();
  };
  const verbs = Object.fromEntries(
    BRIDGE_VERBS.map((verb) => {
      const plain = bridge[verb] as (...args: readonly unknown[]) => Promise<unknown>;
      const later = (...args: readonly unknown[]): Promise<unknown> =>
        new Promise((resolve, reject) => {
          plain(...args).then(
            (answer) => inTurn(() => resolve(answer)),
            (error: unknown) => inTurn(() => reject(error)),
          );
        });
      return [verb, later];
    }),
  ) as unknown as Omit<Bridge, 'onEvent'>;
  return {
    ...verbs,
    onEvent: (listener: (event: SessionEvent) => void) => bridge.onEvent((event) => inTurn(() => listener(event))),
  };
};
