// Numbers as people read them.

// A value of a picture: three digits behind the point, or a power of ten where that would hide it.
export function numberText(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 0.001 || size >= 100_000)
      ? value.toExponential(2)
      : String(Number(value.toFixed(size < 100 ? 3 : 1)));
  return text.replace("-", "−");
}

// Round numbers within a range, about `count` of them, ascending.
export function ticks(low, high, count = 4) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [];
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((nice) => scale * nice).find((each) => each >= rough * 0.8);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

// Values as a share of a range, and as little text as tells them apart there.
export const rounded = (value, span) => Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(span)) - 1)));
