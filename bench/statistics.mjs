/**
 * statistics.mjs: what many measurements of one thing come to.
 */

/** The value below which this part (0 to 1) of the values lies. The values stay in their order. */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)];
}

export function median(values) {
  return quantile(values, 0.5);
}
