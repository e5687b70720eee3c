import type { StructValue } from './struct.ts';

/** One of the target's vCPUs, as every request names it. */
export type VcpuRef = StructValue<{ pid: 'i32'; vcpuIndex: 'u32' }>;
