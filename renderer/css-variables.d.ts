import 'react';

declare module 'react' {
  interface CSSProperties {
    /** Custom properties of the theme: --hue and the like. */
    [variable: `--${string}`]: string | number | undefined;
  }
}
