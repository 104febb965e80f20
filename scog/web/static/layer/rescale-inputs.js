// Number inputs of the rescale range: one pair for a colormap, three for red, green and blue.
import { byId, make } from "../shell/dom.js";
import { roundToSpan } from "../shell/number-format.js";
import { quantiles } from "./histogram.js";
import { DEFAULT_STYLE } from "./image-request.js";

const STRETCH = [0.02, 0.98]; // quantiles of the visible values

export class RescaleInputs {
  constructor(store) {
    this.store = store;
    byId("rescale").addEventListener("change", () => this._apply());
    byId("reset-style").addEventListener("click", () => store.changeImage(DEFAULT_STYLE));
    byId("stretch-to-view").addEventListener("click", () => this._stretch());
  }

  /** Shows a legend's ranges; `values` are the visible ones per output, or null. */
  show(image, legend, values) {
    this.values = values;
    this.legend = legend;
    byId("style-controls").classList.toggle("fixed", legend?.kind === "classes");
    byId("reset-style").hidden = !image.rescale && !image.colormap;
    byId("stretch-to-view").disabled = !values?.some((output) => output.length);
    const shown = rangesOf(legend);
    const drawn = JSON.stringify([legend?.kind, shown]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const names = legend?.kind === "channels" ? ["Red", "Green", "Blue"] : ["Range"];
    byId("rescale").replaceChildren(...shown.map((range, output) => row(names[output], range)));
  }

  _apply() {
    const ranges = [...byId("rescale").children].map((line) =>
      [...line.querySelectorAll("input")].map((input) => input.valueAsNumber),
    );
    const invalid = ranges.map(([low, high]) => !(low < high));
    [...byId("rescale").children].forEach((line, output) =>
      line.querySelectorAll("input").forEach((input) => input.setAttribute("aria-invalid", String(invalid[output]))),
    );
    if (!invalid.some(Boolean)) this.store.changeImage({ rescale: ranges.map((range) => range.join()).join(";") });
  }

  // Sets the range to the 2nd and 98th percentile of the visible values.
  _stretch() {
    const old = rangesOf(this.legend);
    const ranges = old.map((range, output) => {
      const ends = this.values[output]?.length ? quantiles(this.values[output], STRETCH) : range;
      const [low, high] = ends.map((value) => roundToSpan(value, ends[1] - ends[0] || 1));
      return low < high ? [low, high] : range;
    });
    this.store.changeImage({ rescale: ranges.map((range) => range.join()).join(";") });
  }
}

/** The `[low, high]` ranges of a legend, one per output; none of classes. */
export function rangesOf(legend) {
  if (legend?.kind === "ramp") return [legend.range];
  return legend?.kind === "channels" ? legend.channels.map(({ range }) => range) : [];
}

function row(name, range) {
  const inputs = range.map((value, end) =>
    make("input", {
      type: "number",
      step: "any",
      inputMode: "decimal",
      value: String(value),
      "aria-label": `${name}, ${end ? "maximum" : "minimum"}`,
    }),
  );
  return make("div", { className: "row range" }, make("span", {}, name), inputs[0], make("span", {}, "to"), inputs[1]);
}
