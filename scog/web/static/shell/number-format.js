// Number formatting and axis ticks.

/** A pixel value with up to three decimals, in exponent notation outside 0.001 to 100000; "–" for null and NaN. */
export function formatNumber(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 0.001 || size >= 100_000)
      ? value.toExponential(2)
      : String(Number(value.toFixed(size < 100 ? 3 : 1)));
  return text.replace("-", "−");
}

/** A pixel value with its unit, if it has one: "12.5 °C". */
export function formatValue(value, unit) {
  return unit && value !== null && Number.isFinite(value) ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

/** About `count` round numbers within a range, ascending. */
export function ticks(low, high, count = 4) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [];
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((nice) => scale * nice).find((each) => each >= rough * 0.8);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** A value rounded to three significant digits of `span`. */
export const roundToSpan = (value, span) => Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(span)) - 1)));
