import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Glyph } from '../theme/Glyph.tsx';
import { Button } from './Button.tsx';

interface FailingProps {
  /** What it is called where it failed. */
  readonly name: string;
  readonly children: ReactNode;
}

/** A fault of ours in what is shown stays in its pane: the session, what is staged and every other pane go on. */
export class Failing extends Component<FailingProps, { readonly why: string | null }> {
  override state = { why: null };

  static getDerivedStateFromError(error: unknown): { readonly why: string } {
    return { why: error instanceof Error ? error.message : String(error) };
  }

  override componentDidCatch(error: unknown, { componentStack }: ErrorInfo): void {
    console.error(`Tilescope fault in ${this.props.name}:`, error, componentStack);
  }

  override render(): ReactNode {
    const { why } = this.state;
    if (why === null) return this.props.children;
    return (
      <div className="pane-empty" role="alert">
        <Glyph name="stop" className="is-refused" />
        <p>{this.props.name} cannot be shown: a fault of Tilescope’s, not of the guest’s.</p>
        <p className="val small text-2">{why}</p>
        <Button label="Try again" onPress={() => this.setState({ why: null })}>
          Try again
        </Button>
      </div>
    );
  }
}
