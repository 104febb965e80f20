// A time series as an SVG chart on the timeline's scale: a line per output, and percentile bands of an area.
import { make, svgElement } from "../shell/dom.js";
import { formatValue, ticks } from "../shell/number-format.js";
import { formatDate } from "../time/dates.js";

const HEIGHT = 132; // pixels
const [TOP, BASELINE] = [10, 120];
const REACH = 16; // pixels between the pointer and a date

export class SeriesChart {
  /** `onSelect` is called with a clicked date. */
  constructor(box, onSelect) {
    Object.assign(this, { box, onSelect });
    this.svg = svgElement("svg", { role: "img", "aria-label": "Time series" });
    this.tip = make("span", { className: "tip", "aria-hidden": "true", hidden: true });
    box.append(this.svg, this.tip);
    box.addEventListener("pointermove", (event) => this._hover(event));
    box.addEventListener("pointerleave", () => (this.tip.hidden = true));
    box.addEventListener("click", (event) => {
      const near = this._nearest(event);
      if (near) onSelect(near.date);
    });
  }

  /**
   * Draws a TimeSeries on a TimeScale and marks the image's `time`. `classes` draws no lines; `range` is the style's,
   * of which the axis spans at least a sixth.
   */
  show({ names, units, observations }, scale, time, { classes, range }) {
    Object.assign(this, { names, units, observations, scale });
    const withValues = observations.filter(({ values }) => values.some((value) => value !== null));
    this.axis = axisRange(withValues, range ? (range[1] - range[0]) / 6 : 0);
    this.svg.setAttribute("viewBox", `0 0 ${scale.width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", summary(names, units, withValues));
    const lines = names.map((_, output) => this._line(withValues, output, classes));
    this.svg.replaceChildren(
      ...this._grid(),
      ...this._percentileBands(withValues),
      ...this._missing(),
      ...lines.flat(),
      ...this._mark(time),
    );
  }

  _y(value) {
    const [low, high] = this.axis;
    return BASELINE - ((value - low) / (high - low)) * (BASELINE - TOP);
  }

  _grid() {
    const { width } = this.scale;
    const unit = this.units.every((each) => each === this.units[0]) ? this.units[0] : null;
    return ticks(...this.axis, 3)
      .filter((value) => this._y(value) >= TOP - 1 && this._y(value) <= BASELINE + 1)
      .flatMap((value) => [
        svgElement("line", { x1: 0, x2: width, y1: this._y(value), y2: this._y(value), class: "grid" }),
        svgElement("text", { x: 2, y: this._y(value) - 3 }, formatValue(value, unit)),
      ]);
  }

  _line(withValues, output, classes) {
    const points = withValues
      .filter(({ values }) => values[output] !== null)
      .map((each) => ({ ...each, x: this.scale.x(each.date), y: this._y(each.values[output]) }));
    const path = points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");
    const color = `output-${output % 4}`;
    const line = points.length > 1 && !classes ? [svgElement("path", { d: `M${path}`, class: `curve ${color}` })] : [];
    return [
      ...line,
      ...points.map(({ x, y, valid }) =>
        svgElement("circle", { cx: x, cy: y, r: valid < 0.5 ? 2.5 : 4, class: `dot ${color}` }),
      ),
    ];
  }

  // Bands from the 10th to the 90th and from the 25th to the 75th percentile of an area.
  _percentileBands(withValues) {
    const summarised = withValues.filter(({ statistics }) => statistics?.[0]);
    if (summarised.length < 2 || this.names.length > 1) return [];
    const edge = (name, list) =>
      list.map(({ date, statistics: [one] }) => `${this.scale.x(date).toFixed(1)},${this._y(one[name]).toFixed(1)}`);
    return [
      ["p10", "p90"],
      ["p25", "p75"],
    ].map(([low, high]) =>
      svgElement("path", {
        d: `M${edge(high, summarised).join("L")}L${edge(low, [...summarised].reverse()).join("L")}Z`,
        class: "spread",
      }),
    );
  }

  _missing() {
    return this.observations
      .filter(({ values }) => values.every((value) => value === null))
      .map(({ date }) => svgElement("circle", { cx: this.scale.x(date), cy: BASELINE + 5, r: 2.5, class: "missing" }));
  }

  _mark(time) {
    if (!time || time.includes("/")) return [];
    const x = this.scale.x(time);
    return [svgElement("line", { x1: x, x2: x, y1: 0, y2: HEIGHT, class: "shown" })];
  }

  _nearest({ clientX }) {
    const x = clientX - this.box.getBoundingClientRect().left;
    let best = null;
    for (const each of this.observations ?? []) {
      const distance = Math.abs(this.scale.x(each.date) - x);
      if (distance <= (best?.distance ?? REACH)) best = { ...each, distance };
    }
    return best;
  }

  _hover(event) {
    const near = this._nearest(event);
    this.tip.hidden = !near;
    this.box.classList.toggle("over", Boolean(near));
    if (!near) return;
    const texts = near.values.map(
      (value, output) =>
        (this.names.length > 1 ? `${this.names[output]} ` : "") +
        (value === null ? (REASONS[near.reason] ?? "no value") : formatValue(value, this.units[output])),
    );
    this.tip.textContent = `${formatDate(near.date)} · ${[...new Set(texts)].join(", ")}`;
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.min(this.scale.width - half - 2, Math.max(half + 2, this.scale.x(near.date)))}px`;
  }
}

// Texts of the server's reasons for a missing value.
const REASONS = { masked: "masked", outside: "not covered", nodata: "nodata" };

/** Axis range `[low, high]` of the values with a margin, at least `span` wide; `[0, 1]` without values. */
export function axisRange(withValues, span = 0) {
  const values = withValues
    .flatMap(({ values: means, statistics }) => [
      ...means,
      ...(statistics ?? []).filter(Boolean).flatMap(({ p10, p90 }) => [p10, p90]),
    ])
    .filter((value) => value !== null);
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = Math.max((high - low) * 0.08, (span - (high - low)) / 2) || Math.abs(high) * 0.1 || 1;
  return [low - margin, high + margin];
}

function summary(names, units, withValues) {
  if (!withValues.length) return "Time series without values";
  return names
    .map((name, output) => {
      const format = (value) => formatValue(value, units[output]);
      const found = withValues.filter(({ values }) => values[output] !== null);
      if (!found.length) return `${name}: no values`;
      const values = found.map((each) => each.values[output]);
      const ends = `${formatDate(found[0].date)} to ${formatDate(found.at(-1).date)}`;
      return `${name}: ${found.length} values from ${format(Math.min(...values))} to ${format(Math.max(...values))}, ${ends}`;
    })
    .join("; ");
}
