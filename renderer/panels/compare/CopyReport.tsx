import { type ReactElement, useEffect, useState } from 'react';
import { Button } from '../../controls/Button.tsx';

const SAID_MS = 2000;

/** The text is made when it is asked for: it names every register and fact that differs. */
export function CopyReport({ make, look }: { make: () => string; look: string }): ReactElement {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    navigator.clipboard.writeText(make()).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  const words = copied === null ? 'Copy for a report' : copied ? 'Copied' : 'Refused by the browser';
  const label = copied === null ? 'Copy for a report, the differences as text' : words;
  return (
    <Button label={label} look={look} glyph={copied === true ? 'check' : 'copy'} glyphClass="g12" onPress={copy}>
      {words}
    </Button>
  );
}
