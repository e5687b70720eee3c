/** "4 KiB": whole units, the largest that divides it, else bytes. */
export const sizeText = (bytes: number | null): string => {
  if (bytes === null) return '';
  const units = [
    [1 << 30, 'GiB'],
    [1 << 20, 'MiB'],
    [1 << 10, 'KiB'],
  ] as const;
  const unit = units.find(([size]) => bytes >= size && bytes % size === 0);
  return unit === undefined ? `${bytes} bytes` : `${bytes / unit[0]} ${unit[1]}`;
};
