/**
 * What a file can be: found by its content, never by its name. A new format is a row here, its file in this folder, and a row
 * in detect.ts.
 */
export const FILE_KINDS = [
  { kind: 'capture', what: 'capture', one: 'state', many: 'states' },
  { kind: 'session', what: 'saved session', one: 'stop', many: 'stops' },
  { kind: 'raw', what: 'raw XSAVE image', one: 'state', many: 'states' },
  { kind: 'elf-core', what: 'ELF core', one: 'thread', many: 'threads' },
  { kind: 'firecracker', what: 'Firecracker snapshot', one: 'vCPU', many: 'vCPUs' },
  { kind: 'cloud-hypervisor', what: 'Cloud Hypervisor snapshot', one: 'vCPU', many: 'vCPUs' },
  { kind: 'qemu', what: 'QEMU migration stream', one: 'vCPU', many: 'vCPUs' },
  { kind: 'minidump', what: 'Windows minidump', one: 'thread', many: 'threads' },
  { kind: 'signal-frame', what: 'signal frame', one: 'state', many: 'states' },
] as const;

export type FileKind = (typeof FILE_KINDS)[number]['kind'];
