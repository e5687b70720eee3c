/** The number of a state component: its bit in XCR0, IA32_XSS, XSTATE_BV. */
export type ComponentBit = number;

export interface ComponentPlace {
  readonly bit: ComponentBit;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** CPUID 0xD.n.ECX[1]: aligned to 64 bytes in the compacted format. */
  readonly aligned64: boolean;
  /** CPUID 0xD.n.ECX[2]: IA32_XFD can arm it. */
  readonly xfdCapable: boolean;
  /** CPUID 0xD.n.ECX[0]: supervisor component, managed by IA32_XSS; never in KVM's buffer. */
  readonly supervisor: boolean;
}

/** A CPU that an image may have come from, and what speaks for and against it; one phrase each, without a full stop. */
export interface LayoutCandidate {
  /** The preset's name, as typed after --from. */
  readonly cpu: string;
  /** For people; several CPUs where all of them put the components in use at the same places. */
  readonly label: string;
  readonly speaksFor: readonly string[];
  readonly speaksAgainst: readonly string[];
}

/** How a layout came about that nothing in the file says. */
export interface LayoutGuess {
  /** The likeliest first: its places are the layout's. More than one: the others are possible too. */
  readonly candidates: readonly LayoutCandidate[];
  /** Components in use that another candidate has elsewhere: what is shown of them may be bytes of something else. */
  readonly doubtful: readonly ComponentBit[];
}

/** Bytes that whoever wrote the image did not copy, though a component in use has its place there. */
export interface LostBytes {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** One phrase without a full stop. */
  readonly why: string;
}

/**
 * Where each component lies in one image. Measured (CPUID leaf 0xD, or a layout note), never assumed; components are in
 * the order of their offsets, which is not the order of their bits (APX, bit 19, lies at 960).
 */
export interface Layout {
  readonly format: 'standard' | 'compacted';
  /** Where the layout comes from, for people: "guest CPUID 0xD", "host CPUID 0xD", "guessed from its size". */
  readonly source: string;
  readonly components: readonly ComponentPlace[];
  /** max(offset + size), at least 576. */
  readonly totalBytes: number;
  /** Left out: the layout was measured or named, not guessed. */
  readonly guess?: LayoutGuess;
  readonly lost?: readonly LostBytes[];
}

/** An image never travels without its layout. The bytes are never written in place. */
export interface Image {
  readonly bytes: Uint8Array;
  readonly layout: Layout;
}

/** Bytes under a clear XSTATE_BV bit are stale and are never handed out. */
export type ComponentView =
  | { readonly state: 'absent' }
  | { readonly state: 'init' }
  | { readonly state: 'inUse'; readonly bytes: Uint8Array };
