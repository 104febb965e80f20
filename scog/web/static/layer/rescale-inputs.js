// The ends of the colours as numbers, one pair for a ramp and one for each of red, green and blue.
import { byId, make } from "../shell/dom.js";
import { rounded } from "../shell/number-format.js";
import { quantiles } from "./histogram.js";
import { PLAIN } from "./image-request.js";

const SHARES = [0.02, 0.98];

export class Ranges {
  constructor(store) {
    this.store = store;
    byId("ranges").addEventListener("change", () => this._take());
    byId("plain").addEventListener("click", () => store.changePicture(PLAIN));
    byId("fit").addEventListener("click", () => this._fit());
  }

  show(picture, legend, values) {
    this.values = values;
    this.legend = legend;
    byId("colours").classList.toggle("fixed", legend?.kind === "classes");
    byId("plain").hidden = !picture.rescale && !picture.colormap;
    byId("fit").disabled = !values?.some((output) => output.length);
    const shown = rangesOf(legend);
    const written = JSON.stringify([legend?.kind, shown]);
    if (written === this.written) return;
    this.written = written;
    const names = legend?.kind === "channels" ? ["Red", "Green", "Blue"] : ["Values"];
    byId("ranges").replaceChildren(...shown.map((range, place) => row(names[place], range)));
  }

  _take() {
    const ranges = [...byId("ranges").children].map((line) =>
      [...line.querySelectorAll("input")].map((input) => input.valueAsNumber),
    );
    const wrong = ranges.map(([low, high]) => !(low < high));
    [...byId("ranges").children].forEach((line, place) =>
      line.querySelectorAll("input").forEach((input) => input.setAttribute("aria-invalid", String(wrong[place]))),
    );
    if (!wrong.some(Boolean)) this.store.changePicture({ rescale: ranges.map((range) => range.join()).join(";") });
  }

  // Where all but a few of the values on screen lie.
  _fit() {
    const old = rangesOf(this.legend);
    const ranges = old.map((range, place) => {
      const ends = this.values[place]?.length ? quantiles(this.values[place], SHARES) : range;
      const [low, high] = ends.map((value) => rounded(value, ends[1] - ends[0] || 1));
      return low < high ? [low, high] : range;
    });
    this.store.changePicture({ rescale: ranges.map((range) => range.join()).join(";") });
  }
}

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
      "aria-label": `${name}, ${end ? "last" : "first"} colour`,
    }),
  );
  return make("div", { className: "row range" }, make("span", {}, name), inputs[0], make("span", {}, "to"), inputs[1]);
}
