// The legend: a colour ramp with rescale handles, classes, or RGB ranges, with a histogram of the visible values.
import { byId, gradient, make, svgElement } from "../shell/dom.js";
import { formatNumber, formatValue, roundToSpan, ticks } from "../shell/number-format.js";
import { histogram, histogramPath, quantiles } from "./histogram.js";
import { RescaleHandles } from "./rescale-handles.js";

const BINS = 96;
const [WIDTH, HEIGHT] = [300, 40];
const CHARACTER = 2.6; // width of a tick label's character in percent of the ramp's
const CHANNELS = ["red", "green", "blue"];

export class Legend {
  /** `onRescale` is called with a new range `[low, high]`. */
  constructor(onRescale) {
    this.box = byId("legend");
    this.rescaleHandles = new RescaleHandles(onRescale);
  }

  /**
   * Shows a legend of the server, or nothing for null. `values` are the visible ones per output, or null if unknown.
   */
  show(legend, values) {
    this.box.hidden = !legend;
    if (!legend) return;
    const parts = {
      ramp: () => this._ramp(legend, values),
      classes: () => classes(legend, values),
      channels: () => channels(legend, values),
    };
    const focused = document.activeElement?.dataset?.end;
    this.box.replaceChildren(...parts[legend.kind]());
    if (focused && legend.kind === "ramp") this.box.querySelector(`[data-end="${focused}"]`)?.focus();
  }

  _ramp({ range, colors, below, above, unit }, values) {
    const axis = axisRange(range, values?.[0]);
    const share = (value) => (100 * (value - axis[0])) / (axis[1] - axis[0]);
    const [from, to] = range.map(share);
    const ramp = make("div", { id: "ramp", role: "img", "aria-label": rangeText(range, unit) });
    const inner = colors.filter((_, index) => index % 4 === 0 || index === colors.length - 1);
    const stops = inner.map(
      (color, index) => `${color} ${(from + ((to - from) * index) / (inner.length - 1)).toFixed(2)}%`,
    );
    ramp.style.background = gradient([`${below} ${from}%`, ...stops, `${above} ${to}%`]);
    const marks = [...new Set([range[0], ...ticks(...range), range[1]])].sort((a, b) => a - b);
    return [
      ...graph(values ? [[histogram(values[0], ...axis, BINS), "one"]] : []),
      make("div", { className: "track" }, ramp, ...this.rescaleHandles.create(range, axis)),
      scale(marks, range, share, unit),
    ];
  }
}

/** The value range of the legend's axis: the rescale range and 99 % of the visible values, with a margin. */
export function axisRange([low, high], values) {
  const span = high - low;
  const [min, max] = (values?.length && quantiles(values, [0.005, 0.995])) || [low, high];
  return [
    Math.max(Math.min(low, min), low - span) - span * 0.05,
    Math.min(Math.max(high, max), high + span) + span * 0.05,
  ];
}

const rangeText = (range, unit) => `Colours from ${range.join(" to ")}` + (unit ? ` ${unit}` : "");

// Tick labels of the ramp: its ends, and values between them that have room.
function scale(marks, [low, high], share, unit) {
  const line = make("div", { id: "ticks", "aria-hidden": "true" });
  const textOf = (value) => {
    const text = String(roundToSpan(value, high - low)).replace("-", "−");
    return unit && value === high ? `${text} ${unit}` : text;
  };
  const width = (value) => CHARACTER * textOf(value).length;
  const ends = [low, high];
  const fits = (value) =>
    ends.includes(value) ||
    ends.every((end) => Math.abs(share(end) - share(value)) > Math.max(14, width(end) + width(value) / 2));
  marks.filter(fits).forEach((value) => {
    const tick = make("span", { className: ends.includes(value) ? "end" : "" }, textOf(value));
    if (value === high && share(value) + width(value) / 2 > 102) tick.classList.add("last");
    else if (value === low && share(value) - width(value) / 2 < -2) tick.classList.add("first");
    else tick.style.left = `${Math.min(98, Math.max(2, share(value)))}%`;
    line.append(tick);
  });
  return line;
}

function graph(lines) {
  const svg = svgElement("svg", {
    id: "histogram",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  lines.forEach(([counts, className]) =>
    svg.append(svgElement("path", { d: histogramPath(counts, WIDTH, HEIGHT), class: className })),
  );
  return [svg];
}

function classes({ classes: entries }, values) {
  const total = values?.[0].length ?? 0;
  const share = (entry) => values[0].reduce((count, value) => count + (contains(entry, value) ? 1 : 0), 0) / total;
  const lines = entries.map((entry) => {
    const swatch = make("i");
    swatch.style.background = entry.color;
    const portion = total ? share(entry) : null;
    return make(
      "li",
      { className: portion === 0 ? "none" : "" },
      swatch,
      make("span", { className: "grow", title: entry.name }, entry.name),
      portion ? make("small", {}, percent(portion)) : "",
    );
  });
  return [make("ul", { id: "classes", "aria-label": "Classes" }, ...lines)];
}

const percent = (share) => (share < 0.01 ? "< 1 %" : `${Math.round(100 * share)} %`);

function contains({ value, low, high }, number) {
  if (low === high) return number === value;
  return (low === null || number >= low) && (high === null || number < high);
}

function channels({ channels: shown, unit }, values) {
  const [low, high] = [
    Math.min(...shown.map(({ range }) => range[0])),
    Math.max(...shown.map(({ range }) => range[1])),
  ];
  const lines = values
    ? values.slice(0, 3).map((output, index) => [histogram(output, low, high, BINS), CHANNELS[index]])
    : [];
  const names = shown.map(({ color, output, range }) => {
    const item = make(
      "li",
      {},
      make("i", { className: color }),
      make("span", {}, output),
      make("small", {}, [formatNumber(range[0]), formatValue(range[1], unit)].join(" to ")),
    );
    return item;
  });
  return [...graph(lines), make("ul", { id: "channels", "aria-label": "Bands" }, ...names)];
}
