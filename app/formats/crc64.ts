/**
 * CRC-64 of Jones: polynomial AD93D23594C935A9H, reflected, starting at 0, not inverted at the end; "123456789" gives
 * E9C6D914C4B8D9CAH. What the Rust crate crc64, and so Firecracker, computes. In two halves of 32 bits: bigint is slow.
 */
const POLYNOMIAL = 0x95ac9329ac4bc9b5n; // the polynomial with its bits turned around

const LOW = new Uint32Array(256);
const HIGH = new Uint32Array(256);
for (let index = 0; index < 256; index += 1) {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1n) === 1n ? (value >> 1n) ^ POLYNOMIAL : value >> 1n;
  LOW[index] = Number(value & 0xffffffffn);
  HIGH[index] = Number(value >> 32n);
}

/** The checksum of all bytes; 0 over a file that ends in its own checksum. */
export const crc64 = (bytes: Uint8Array): bigint => {
  let low = 0;
  let high = 0;
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (LOW[index] ?? 0);
    high = (high >>> 8) ^ (HIGH[index] ?? 0);
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
};
