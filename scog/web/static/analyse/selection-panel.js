// The selected point or area: its mark on the map, its value in the image, and its time series in the dock.
/* global L */
import { collectionOf, isClassification, layerName } from "../layer/collections.js";
import { valueQuery } from "../layer/image-request.js";
import { formatLatLon } from "../map/coordinates.js";
import { byId, make } from "../shell/dom.js";
import { requestJson } from "../shell/http.js";
import { formatValue } from "../shell/number-format.js";
import { formatDate } from "../time/dates.js";
import { SeriesChart } from "./series-chart.js";
import { TimeSeries } from "./time-series.js";

export class SelectionPanel {
  /** `timeline` provides the time scale, `timeRange` returns its first and last day. */
  constructor(map, store, timeline, timeRange) {
    Object.assign(this, { map, store, timeline, timeRange, value: null, key: "", range: null });
    this.series = new TimeSeries(() => this._draw());
    this.group = L.layerGroup().addTo(map);
    this.box = byId("selection");
    this.title = make("b", { id: "selection-title" });
    this.values = make("span", { id: "selection-value", role: "status" });
    this.progress = make("span", { className: "secondary", role: "status" });
    const close = make("button", { type: "button", className: "icon", "aria-label": "Close the time series" });
    close.append(byId("dismiss").querySelector("svg").cloneNode(true));
    close.addEventListener("click", () => this.close());
    const plot = make("div", { id: "chart" });
    this.box.append(
      make(
        "div",
        { className: "bar" },
        this.title,
        this.values,
        this.progress,
        make("span", { className: "grow" }),
        close,
      ),
      plot,
    );
    this.chart = new SeriesChart(plot, (time) => store.changeImage({ time }));
    new ResizeObserver(() => this._draw()).observe(plot);
  }

  /** Clears the selection. */
  close() {
    this.store.change({ selection: null });
    byId("map").focus({ preventScroll: true });
  }

  /** Sets the style's range `[low, high]` or null, which keeps small variations from filling the chart. */
  setRange(range) {
    this.range = range;
    this._draw();
  }

  /** Shows the state's selection, if any, and requests what has changed; not before `isReady`. */
  show(state, isReady = true) {
    const { selection } = state;
    this.box.hidden = !selection;
    byId("dock").classList.toggle("with-selection", Boolean(selection));
    if (selection !== this.drawn) this._mark(selection);
    if (!selection) return this.series.clear();
    const image = state.sides[state.side];
    const { isStatic } = collectionOf(image);
    byId("chart").hidden = isStatic;
    if (isStatic) this.series.clear();
    if (isReady) {
      if (!isStatic) this.series.load(selection, image, this.timeRange());
      this._fetchValue(selection, image);
    }
    return this._draw();
  }

  _mark(selection) {
    this.drawn = selection;
    this.group.clearLayers();
    this.value = null;
    this.key = "";
    if (selection?.point)
      this.group.addLayer(
        L.circleMarker([selection.point[1], selection.point[0]], { radius: 6, className: "mark", interactive: false }),
      );
    if (selection?.area)
      this.group.addLayer(
        L.geoJSON(selection.area, {
          interactive: false,
          style: { className: "selected-area", weight: 2.5, fill: false },
        }),
      );
  }

  // The value of the image at the point, which may come from a composite of several observations.
  async _fetchValue({ point }, image) {
    const key = point ? `point/${point.map((degrees) => degrees.toFixed(6)).join()}${valueQuery(image)}` : "";
    if (key === this.key) return;
    this.key = key;
    this.value = null;
    if (!key) return;
    const value = await requestJson(key).catch((problem) => ({ problem }));
    if (key !== this.key) return;
    this.value = value;
    this._draw();
  }

  _draw() {
    const { selection } = this.store.state;
    const { image } = this.store;
    const { isStatic } = collectionOf(image);
    if (!selection || !(this.timeline.from || isStatic)) return;
    this.title.textContent = selection.point
      ? formatLatLon(selection.point[1], selection.point[0])
      : "Area of interest";
    this.values.replaceChildren(
      ...(selection.point ? pointValues(this.value, layerName(image), !isStatic) : areaValues(this.series, image.time)),
    );
    this.progress.textContent = isStatic ? "" : seriesProgress(this.series);
    if (isStatic) return;
    this.chart.show(this.series, this.timeline.scale(), image.time, {
      classes: isClassification(image),
      range: this.range,
    });
  }
}

function pointValues(value, layer, isDated) {
  if (!value) return ["…"];
  if (value.problem) return [value.problem.message];
  const { values, band_names: names, units, datetime } = value;
  if (values.every((each) => each === null)) return ["No valid pixel at this point"];
  const numbers = values.map((each, output) => {
    const data = make("data", { value: String(each) }, formatValue(each, units[output]));
    return make("span", {}, `${values.length > 1 ? names[output] : layer} `, data);
  });
  return [...numbers, ...(datetime && isDated ? [make("small", {}, formatDate(datetime))] : [])];
}

function areaValues({ observations, names, units }, time) {
  const valid = observations.filter(({ values }) => values.some((each) => each !== null));
  const shown = valid.find(({ date }) => date === time) ?? valid.at(-1);
  if (!shown) return [];
  const numbers = shown.values.map((each, output) =>
    make("span", {}, `${names[output]} `, make("data", { value: String(each) }, formatValue(each, units[output]))),
  );
  return [...numbers, make("small", {}, `mean on ${formatDate(shown.date)}, ${Math.round(100 * shown.valid)} % valid`)];
}

function seriesProgress({ reading, observations, expected, problem }) {
  if (problem) return problem.message;
  if (reading) return expected ? `Reading ${observations.length} of ${expected} dates` : "Reading …";
  return observations.length ? "" : "No acquisitions in this time range";
}
