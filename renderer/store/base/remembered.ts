/** What is remembered between runs; the page hands in its own storage, a test none. */
export interface Remembered {
  get(key: string): string | null;
  set(key: string, value: string): void;
}
