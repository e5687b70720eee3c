/** An exception that the last step raised in the guest. */
export interface ModelEvent {
  readonly kind: 'nm' | 'ud' | 'gp';
  /** One sentence without a full stop: which instruction, why, where it went. */
  readonly text: string;
}
