export type CompareLook = 'side-by-side' | 'inline';
