/** More digits than this tell nobody anything; no product of two 16-bit floats of ordinary size needs more. */
const MOST_DIGITS = 40;

/** A finite number with every digit of its exact value, as 7.1875; an exponent where it is long, ≈ where it is longer still. */
export const exactDecimal = (value: number): string => {
  if (!Number.isFinite(value) || value === 0) return Object.is(value, -0) ? '-0' : String(value);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  let significand = biased === 0 ? fraction : fraction | (1n << 52n);
  let exponent = Math.max(biased, 1) - 1075;
  while ((significand & 1n) === 0n) {
    significand >>= 1n;
    exponent += 1;
  }
  // significand · 2^exponent as an integer over a power of ten.
  const places = Math.max(0, -exponent);
  const digits = (exponent >= 0 ? significand << BigInt(exponent) : significand * 5n ** BigInt(places)).toString();
  const sign = value < 0 ? '-' : '';
  if (digits.replace(/0+$/, '').length > MOST_DIGITS) return `≈${String(value)}`;
  if (places === 0) return digits.length <= 21 ? sign + digits : sign + withExponent(digits, digits.length - 1);
  const padded = digits.padStart(places + 1, '0');
  const plain = `${padded.slice(0, -places)}.${padded.slice(-places)}`;
  return plain.length <= 24 ? sign + plain : sign + withExponent(digits, digits.length - 1 - places);
};

const withExponent = (digits: string, exponent: number): string => {
  const kept = digits.replace(/0+$/, '');
  return `${kept[0]}${kept.length > 1 ? `.${kept.slice(1)}` : ''}e${exponent}`;
};
