import type { Page } from 'playwright/test';
import type { BridgeVerb } from '../../app/bridge.ts';

/** Why it is done in the browser alone. */
export const HELD_BY = 'answers are held back on the WebSocket of the web host';

/** Answers to one verb wait until `letGo` is called; those that come later pass, also where they were asked for before. */
export const holdAnswers = async (page: Page, held: BridgeVerb): Promise<{ letGo: () => void }> => {
  const waiting: (() => void)[] = [];
  const asked = new Set<number>();
  let holds = true;
  await page.routeWebSocket(/\/bridge$/, (ws) => {
    const host = ws.connectToServer();
    ws.onMessage((message) => {
      const { id, verb } = JSON.parse(String(message)) as { id: number; verb: string };
      if (verb === held) asked.add(id);
      host.send(message);
    });
    host.onMessage((message) => {
      const { id } = JSON.parse(String(message)) as { id?: number };
      if (holds && id !== undefined && asked.delete(id)) waiting.push(() => ws.send(message));
      else ws.send(message);
    });
  });
  return {
    letGo: () => {
      holds = false;
      for (const send of waiting.splice(0)) send();
    },
  };
};
