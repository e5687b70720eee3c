/** A capture document: JSON as described in app/SPEC.md, to be decoded with decodeCapture(). */
export type CaptureDocument = Readonly<Record<string, unknown>>;

/** A saved session: all its stops, as described in app/SPEC.md, to be decoded with decodeSession(). */
export type SessionDocument = Readonly<Record<string, unknown>>;
