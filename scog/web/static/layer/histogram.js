// Histograms and quantiles of pixel values.

/** Counts (Uint32Array) of the values in `bins` equal parts of a range; values outside are not counted. */
export function histogram(values, low, high, bins) {
  const counts = new Uint32Array(bins);
  const scale = bins / (high - low);
  for (const value of values) {
    if (value >= low && value <= high) counts[Math.min(bins - 1, Math.floor((value - low) * scale))]++;
  }
  return counts;
}

/**
 * Quantiles of the finite values for shares 0 to 1, with linear interpolation (NumPy's default); null without values.
 */
export function quantiles(values, shares) {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  if (!sorted.length) return null;
  return shares.map((share) => {
    const position = share * (sorted.length - 1);
    const below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  });
}

/**
 * An SVG path of counts in pixels; heights follow the square root of the counts, to keep peaks from hiding the rest.
 */
export function histogramPath(counts, width, height) {
  const top = Math.sqrt(Math.max(1, ...counts));
  const points = Array.from(counts, (count, bin) => {
    const x = ((bin + 0.5) / counts.length) * width;
    return `${x.toFixed(1)},${(height - (Math.sqrt(count) / top) * height).toFixed(1)}`;
  });
  return `M0,${height}L${points.join("L")}L${width},${height}Z`;
}
