import { type ReactElement, useState } from 'react';
import { Button } from './Button.tsx';

export function CopyButton({ what, text }: { what: string; text: string }): ReactElement {
  const [copied, setCopied] = useState<boolean | null>(null);
  const copy = (): void => {
    // The clipboard is refused to a page without focus or permission; the button then says so by its name.
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  const label = copied === null ? `Copy ${what}` : copied ? 'Copied' : 'The clipboard was refused';
  return (
    <Button
      label={label}
      look="tiny ghost square"
      glyph={copied === true ? 'check' : 'copy'}
      glyphClass="g12"
      onPress={copy}
    />
  );
}
