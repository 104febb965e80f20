// What was asked of the map: a place or an area, its value in the picture, and its series in the dock.
/* global L */
import { unmasked, valueQuery } from "../layer/image-request.js";
import { layerName } from "../layer/listings.js";
import { placeText } from "../map/coordinates.js";
import { byId, make } from "../shell/dom.js";
import { askJson } from "../shell/http.js";
import { numberText } from "../shell/number-format.js";
import { dayText } from "../time/dates.js";
import { Chart } from "./series-chart.js";
import { Series } from "./time-series.js";

export class Asked {
  // `line` knows where dates lie, `window` gives the first and the last of them.
  constructor(map, store, line, window) {
    Object.assign(this, { map, store, line, window, value: null, key: "", range: null });
    this.series = new Series(() => this._draw());
    this.group = L.layerGroup().addTo(map);
    this.box = byId("asked");
    this.title = make("b", { id: "asked-where" });
    this.words = make("span", { id: "asked-value", role: "status" });
    this.more = make("span", { className: "quiet-words", role: "status" });
    const close = make("button", { type: "button", className: "icon", "aria-label": "Close the series" });
    close.append(byId("dismiss").querySelector("svg").cloneNode(true));
    close.addEventListener("click", () => this.close());
    const plot = make("div", { id: "chart" });
    this.box.append(
      make("div", { className: "bar" }, this.title, this.words, this.more, make("span", { className: "grow" }), close),
      plot,
    );
    this.chart = new Chart(plot, (time) => store.changePicture({ time }));
    new ResizeObserver(() => this._draw()).observe(plot);
  }

  close() {
    this.store.change({ at: null });
    byId("map").focus({ preventScroll: true });
  }

  // The range of the layer's colours: what is small beside it need not fill the chart.
  stretch(range) {
    this.range = range;
    this._draw();
  }

  // Show what is asked, if anything; ask the server where something has changed.
  show(state, ready = true) {
    const { at } = state;
    this.box.hidden = !at;
    byId("dock").classList.toggle("asked", Boolean(at));
    if (at !== this.drawn) this._outline(at);
    if (!at) return this.series.forget();
    const picture = state.sides[state.side];
    if (ready) {
      this.series.ask(at, picture, this.window());
      this._askValue(at, picture);
    }
    return this._draw();
  }

  _outline(at) {
    this.drawn = at;
    this.group.clearLayers();
    this.value = null;
    this.key = "";
    if (at?.point)
      this.group.addLayer(
        L.circleMarker([at.point[1], at.point[0]], { radius: 6, className: "mark", interactive: false }),
      );
    if (at?.area)
      this.group.addLayer(
        L.geoJSON(at.area, { interactive: false, style: { className: "asked-area", weight: 2.5, fill: false } }),
      );
  }

  // The value in the picture, which may be of several observations.
  async _askValue({ point }, picture) {
    const key = point ? `point/${point.map((degrees) => degrees.toFixed(6)).join()}${valueQuery(picture)}` : "";
    if (key === this.key) return;
    this.key = key;
    this.value = null;
    if (!key) return;
    const value = await askJson(key).catch((problem) => ({ problem }));
    if (key !== this.key) return;
    this.value = value;
    this._draw();
  }

  _draw() {
    const { at } = this.store.state;
    if (!at || !this.line.from) return;
    const { picture } = this.store;
    this.title.textContent = at.point ? placeText(at.point[1], at.point[0]) : "Area";
    this.words.replaceChildren(
      ...(at.point ? valueWords(this.value, layerName(picture)) : areaWords(this.series, picture.time)),
    );
    this.more.textContent = progressText(this.series);
    this.chart.show(this.series, this.line.scale(), picture.time, { classes: unmasked(picture), range: this.range });
  }
}

function valueWords(value, layer) {
  if (!value) return ["…"];
  if (value.problem) return [value.problem.message];
  const { values, band_names: names, datetime } = value;
  if (values.every((each) => each === null)) return ["No clear pixel in this picture"];
  const numbers = values.map((each, output) => {
    const data = make("data", { value: String(each) }, numberText(each));
    return make("span", {}, `${values.length > 1 ? names[output] : layer} `, data);
  });
  return [...numbers, ...(datetime ? [make("small", {}, dayText(datetime))] : [])];
}

function areaWords({ observations, names }, time) {
  const known = observations.filter(({ values }) => values.some((each) => each !== null));
  const shown = known.find(({ date }) => date === time) ?? known.at(-1);
  if (!shown) return [];
  const numbers = shown.values.map((each, output) =>
    make("span", {}, `${names[output]} `, make("data", { value: String(each) }, numberText(each))),
  );
  return [...numbers, make("small", {}, `mean on ${dayText(shown.date)}, ${Math.round(100 * shown.valid)} % clear`)];
}

function progressText({ reading, observations, expected, problem }) {
  if (problem) return problem.message;
  if (reading) return expected ? `Reading ${observations.length} of ${expected} dates` : "Reading …";
  return observations.length ? "" : "No acquisitions in this time";
}
