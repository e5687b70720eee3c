/** More digits than this tell nobody anything beside others; no product of two 16-bit floats of ordinary size needs more. */
const MOST_DIGITS = 40;

/** The finite value is significand · 2^exponent, its sign left out. */
const partsOf = (value: number): { readonly significand: bigint; readonly exponent: number } => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return { significand: biased === 0 ? fraction : fraction | (1n << 52n), exponent: Math.max(biased, 1) - 1075 };
};

/**
 * A number with every digit of its exact value, as 7.1875; an exponent where it is long, ≈ where it has more digits than `most`.
 * Infinities and NaN as in values.
 */
export const exactDecimal = (value: number, most = MOST_DIGITS): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Inf' : 'Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const { significand, exponent } = partsOf(value);
  const exact = exactText(value < 0 ? -significand : significand, exponent, most);
  return exact ?? `≈${String(value)}`;
};

/** The exact sum, with every digit; null where an addend is no finite number. */
export const exactSum = (values: readonly number[], most = MOST_DIGITS): string | null => {
  if (!values.every(Number.isFinite)) return null;
  const parts = values.filter((value) => value !== 0).map((value) => ({ ...partsOf(value), isNegative: value < 0 }));
  const least = parts.reduce((exponent, part) => Math.min(exponent, part.exponent), 0);
  const sum = parts.reduce((total, { significand, exponent, isNegative }) => {
    const scaled = significand << BigInt(exponent - least);
    return isNegative ? total - scaled : total + scaled;
  }, 0n);
  // Too many digits to print: the doubles' own sum is near enough to be told as such.
  return sum === 0n ? '0' : (exactText(sum, least, most) ?? `≈${values.reduce((total, value) => total + value, 0)}`);
};

/** significand · 2^exponent in decimal, not 0; null: more digits than that. */
const exactText = (signed: bigint, binaryExponent: number, most: number): string | null => {
  const sign = signed < 0n ? '-' : '';
  let [significand, exponent] = [signed < 0n ? -signed : signed, binaryExponent];
  while ((significand & 1n) === 0n) {
    significand >>= 1n;
    exponent += 1;
  }
  // As an integer over a power of ten.
  const places = Math.max(0, -exponent);
  const digits = (exponent >= 0 ? significand << BigInt(exponent) : significand * 5n ** BigInt(places)).toString();
  if (digits.replace(/0+$/, '').length > most) return null;
  if (places === 0) return digits.length <= 21 ? sign + digits : sign + withExponent(digits, digits.length - 1);
  const padded = digits.padStart(places + 1, '0');
  const plain = `${padded.slice(0, -places)}.${padded.slice(-places)}`;
  return plain.length <= 24 ? sign + plain : sign + withExponent(digits, digits.length - 1 - places);
};

const withExponent = (digits: string, exponent: number): string => {
  const kept = digits.replace(/0+$/, '');
  return `${kept[0]}${kept.length > 1 ? `.${kept.slice(1)}` : ''}e${exponent}`;
};
