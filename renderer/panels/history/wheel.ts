/** What one notch of a mouse wheel comes to in Chromium, CSS px; a touchpad sends many small ones. */
export const WHEEL_NOTCH_PX = 100;
const LINE_PX = 33;
const PAGE_PX = 400;

/** How far a wheel event goes, in CSS px, whatever unit it is told in. Shift turns down into across. */
export const wheelPx = (
  event: Pick<WheelEvent, 'deltaX' | 'deltaY' | 'deltaMode' | 'shiftKey'>,
): { readonly across: number; readonly down: number } => {
  const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? PAGE_PX : 1;
  const [across, down] = [event.deltaX * unit, event.deltaY * unit];
  return event.shiftKey && across === 0 ? { across: down, down: 0 } : { across, down };
};
