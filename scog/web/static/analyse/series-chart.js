// A series drawn over the time line, date above date: a line an output, and of areas how far their values spread.
import { make, shape } from "../shell/dom.js";
import { numberText, ticks } from "../shell/number-format.js";
import { dayText } from "../time/dates.js";

const HEIGHT = 132;
const [TOP, FOOT] = [10, 120];
const NEAR = 16; // pixels

export class Chart {
  // `pick` gets the date that is clicked.
  constructor(box, pick) {
    Object.assign(this, { box, pick });
    this.svg = shape("svg", { role: "img", "aria-label": "Series" });
    this.tip = make("span", { className: "tip", "aria-hidden": "true", hidden: true });
    box.append(this.svg, this.tip);
    box.addEventListener("pointermove", (event) => this._hover(event));
    box.addEventListener("pointerleave", () => (this.tip.hidden = true));
    box.addEventListener("click", (event) => {
      const near = this._nearest(event);
      if (near) pick(near.date);
    });
  }

  // `time` is that of the picture; dates are placed by `scale`.
  show({ names, observations }, scale, time, { classes, range }) {
    Object.assign(this, { names, observations, scale });
    const known = observations.filter(({ values }) => values.some((value) => value !== null));
    this.axis = axisOf(known, range ? (range[1] - range[0]) / 6 : 0);
    this.svg.setAttribute("viewBox", `0 0 ${scale.width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", summary(names, known));
    const lines = names.map((_, output) => this._line(known, output, classes));
    this.svg.replaceChildren(
      ...this._grid(),
      ...this._spread(known),
      ...this._missing(),
      ...lines.flat(),
      ...this._mark(time),
    );
  }

  _y(value) {
    const [low, high] = this.axis;
    return FOOT - ((value - low) / (high - low)) * (FOOT - TOP);
  }

  _grid() {
    const { width } = this.scale;
    return ticks(...this.axis, 3)
      .filter((value) => this._y(value) >= TOP - 1 && this._y(value) <= FOOT + 1)
      .flatMap((value) => [
        shape("line", { x1: 0, x2: width, y1: this._y(value), y2: this._y(value), class: "grid" }),
        shape("text", { x: 2, y: this._y(value) - 3 }, numberText(value)),
      ]);
  }

  _line(known, output, classes) {
    const points = known
      .filter(({ values }) => values[output] !== null)
      .map((each) => ({ ...each, x: this.scale.x(each.date), y: this._y(each.values[output]) }));
    const path = points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");
    const color = `output-${output % 4}`;
    const line = points.length > 1 && !classes ? [shape("path", { d: `M${path}`, class: `curve ${color}` })] : [];
    return [
      ...line,
      ...points.map(({ x, y, valid }) =>
        shape("circle", { cx: x, cy: y, r: valid < 0.5 ? 2.5 : 4, class: `dot ${color}` }),
      ),
    ];
  }

  // Where four fifths of an area's pixels lie, and within it half of them.
  _spread(known) {
    const with_ = known.filter(({ statistics }) => statistics?.[0]);
    if (with_.length < 2 || this.names.length > 1) return [];
    const side = (name, list) =>
      list.map(({ date, statistics: [one] }) => `${this.scale.x(date).toFixed(1)},${this._y(one[name]).toFixed(1)}`);
    return [
      ["p10", "p90"],
      ["p25", "p75"],
    ].map(([low, high]) =>
      shape("path", {
        d: `M${side(high, with_).join("L")}L${side(low, [...with_].reverse()).join("L")}Z`,
        class: "spread",
      }),
    );
  }

  _missing() {
    return this.observations
      .filter(({ values }) => values.every((value) => value === null))
      .map(({ date }) => shape("circle", { cx: this.scale.x(date), cy: FOOT + 5, r: 2.5, class: "missing" }));
  }

  _mark(time) {
    if (!time || time.includes("/")) return [];
    const x = this.scale.x(time);
    return [shape("line", { x1: x, x2: x, y1: 0, y2: HEIGHT, class: "shown" })];
  }

  _nearest({ clientX }) {
    const x = clientX - this.box.getBoundingClientRect().left;
    let best = null;
    for (const each of this.observations ?? []) {
      const distance = Math.abs(this.scale.x(each.date) - x);
      if (distance <= (best?.distance ?? NEAR)) best = { ...each, distance };
    }
    return best;
  }

  _hover(event) {
    const near = this._nearest(event);
    this.tip.hidden = !near;
    this.box.classList.toggle("over", Boolean(near));
    if (!near) return;
    const words = near.values.map(
      (value, output) =>
        (this.names.length > 1 ? `${this.names[output]} ` : "") +
        (value === null ? (REASONS[near.reason] ?? "no value") : numberText(value)),
    );
    this.tip.textContent = `${dayText(near.date)} · ${[...new Set(words)].join(", ")}`;
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.min(this.scale.width - half - 2, Math.max(half + 2, this.scale.x(near.date)))}px`;
  }
}

const REASONS = { masked: "clouds", outside: "not seen", nodata: "no data" };

// From the lowest to the highest value with some room, but not less than a span.
export function axisOf(known, span = 0) {
  const values = known
    .flatMap(({ values: means, statistics }) => [
      ...means,
      ...(statistics ?? []).filter(Boolean).flatMap(({ p10, p90 }) => [p10, p90]),
    ])
    .filter((value) => value !== null);
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.08, (span - (high - low)) / 2) || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

function summary(names, known) {
  if (!known.length) return "Series without values yet";
  return names
    .map((name, output) => {
      const found = known.filter(({ values }) => values[output] !== null);
      if (!found.length) return `${name}: no values`;
      const values = found.map((each) => each.values[output]);
      const ends = `${dayText(found[0].date)} to ${dayText(found.at(-1).date)}`;
      return `${name}: ${found.length} values from ${numberText(Math.min(...values))} to ${numberText(Math.max(...values))}, ${ends}`;
    })
    .join("; ");
}
