// The legend: the colours of the tiles, below the values that are on screen, with handles that stretch them.
import { byId, gradient, make, shape } from "../shell/dom.js";
import { numberText, ticks } from "../shell/number-format.js";
import { histogram, outline, quantiles } from "./histogram.js";
import { Stretch } from "./rescale-handles.js";

const BINS = 96;
const [WIDTH, HEIGHT] = [300, 40];
const CHANNELS = ["red", "green", "blue"];

export class Legend {
  // `stretch` gets a new range as [low, high].
  constructor(stretch) {
    this.box = byId("legend");
    this.stretch = new Stretch(stretch);
  }

  // `legend` is what the server tells, or null; `values` those on screen, or null while they are unknown.
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

  _ramp({ range, colors, below, above }, values) {
    const axis = axisOf(range, values?.[0]);
    const share = (value) => (100 * (value - axis[0])) / (axis[1] - axis[0]);
    const [from, to] = range.map(share);
    const ramp = make("div", { id: "ramp", role: "img", "aria-label": `Colours from ${range[0]} to ${range[1]}` });
    const inner = colors.filter((_, place) => place % 4 === 0 || place === colors.length - 1);
    const stops = inner.map(
      (color, place) => `${color} ${(from + ((to - from) * place) / (inner.length - 1)).toFixed(2)}%`,
    );
    ramp.style.background = gradient([`${below} ${from}%`, ...stops, `${above} ${to}%`]);
    const marks = [...new Set([range[0], ...ticks(...range), range[1]])].sort((a, b) => a - b);
    return [
      ...graph(values ? [[histogram(values[0], ...axis, BINS), "one"]] : []),
      make("div", { className: "track" }, ramp, ...this.stretch.handles(range, axis)),
      scale(marks, range, share),
    ];
  }
}

// What the legend's width stands for: the range, a little more, and where most values on screen lie.
export function axisOf([low, high], values) {
  const span = high - low;
  const [least, most] = (values?.length && quantiles(values, [0.005, 0.995])) || [low, high];
  return [
    Math.max(Math.min(low, least), low - span) - span * 0.05,
    Math.min(Math.max(high, most), high + span) + span * 0.05,
  ];
}

// Numbers below the ramp; the ends always, between them where there is room.
function scale(marks, [low, high], share) {
  const line = make("div", { id: "ticks", "aria-hidden": "true" });
  const ends = [low, high];
  const fits = (value) => ends.includes(value) || ends.every((end) => Math.abs(share(end) - share(value)) > 14);
  marks.filter(fits).forEach((value) => {
    const tick = make("span", { className: ends.includes(value) ? "end" : "" }, numberText(value));
    tick.style.left = `${Math.min(98, Math.max(2, share(value)))}%`;
    line.append(tick);
  });
  return line;
}

function graph(lines) {
  const svg = shape("svg", {
    id: "histogram",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  lines.forEach(([counts, className]) =>
    svg.append(shape("path", { d: outline(counts, WIDTH, HEIGHT), class: className })),
  );
  return [svg];
}

function classes({ classes: entries }, values) {
  const total = values?.[0].length ?? 0;
  const share = (entry) => values[0].reduce((count, value) => count + (holds(entry, value) ? 1 : 0), 0) / total;
  const lines = entries.map((entry) => {
    const swatch = make("i");
    swatch.style.background = entry.color;
    const part = total ? share(entry) : null;
    return make(
      "li",
      { className: part === 0 ? "none" : "" },
      swatch,
      make("span", { className: "grow", title: entry.name }, entry.name),
      part ? make("small", {}, percent(part)) : "",
    );
  });
  return [make("ul", { id: "classes", "aria-label": "Classes" }, ...lines)];
}

const percent = (share) => (share < 0.01 ? "< 1 %" : `${Math.round(100 * share)} %`);

function holds({ value, low, high }, number) {
  if (low === high) return number === value;
  return (low === null || number >= low) && (high === null || number < high);
}

function channels({ channels: shown }, values) {
  const [low, high] = [
    Math.min(...shown.map(({ range }) => range[0])),
    Math.max(...shown.map(({ range }) => range[1])),
  ];
  const lines = values
    ? values.slice(0, 3).map((output, place) => [histogram(output, low, high, BINS), CHANNELS[place]])
    : [];
  const names = shown.map(({ color, output, range }) => {
    const item = make(
      "li",
      {},
      make("i", { className: color }),
      make("span", {}, output),
      make("small", {}, range.map(numberText).join(" to ")),
    );
    return item;
  });
  return [...graph(lines), make("ul", { id: "channels", "aria-label": "Bands" }, ...names)];
}
