// Counting values: how many lie where, and below which a share of them lies.

// Counts of values in `bins` parts of a range; those beyond its ends are left out.
export function histogram(values, low, high, bins) {
  const counts = new Uint32Array(bins);
  const scale = bins / (high - low);
  for (const value of values) {
    if (value >= low && value <= high) counts[Math.min(bins - 1, Math.floor((value - low) * scale))]++;
  }
  return counts;
}

// The values below which the given shares (0 to 1) of finite values lie, linear between two; null of none.
export function quantiles(values, shares) {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  if (!sorted.length) return null;
  return shares.map((share) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  });
}

// The outline of counts as an SVG path of a width and height; high peaks are tamed by a square root.
export function outline(counts, width, height) {
  const top = Math.sqrt(Math.max(1, ...counts));
  const points = Array.from(counts, (count, place) => {
    const x = ((place + 0.5) / counts.length) * width;
    return `${x.toFixed(1)},${(height - (Math.sqrt(count) / top) * height).toFixed(1)}`;
  });
  return `M0,${height}L${points.join("L")}L${width},${height}Z`;
}
