// The style of the image: title, legend with histogram, rescale inputs and colormap picker.
import { visibleBox } from "../map/map.js";
import { byId, make } from "../shell/dom.js";
import { layerName, layerOf } from "./collections.js";
import { valueQuery } from "./image-request.js";
import { fetchLegend } from "./legend-cache.js";
import { Legend } from "./legend.js";
import { CUSTOM_EXPRESSION, isIndex } from "./listings.js";
import { RescaleInputs } from "./rescale-inputs.js";
import { readVisibleValues } from "./visible-values.js";

export class StylePanel {
  /**
   * `isVisible` returns whether the histogram is shown. `onLegend` is called with each legend or null, `onError` with a
   * Problem and the image that it is about.
   */
  constructor(map, store, colormapPicker, { isVisible, onError, onLegend }) {
    Object.assign(this, { map, store, colormapPicker, isVisible, onError, onLegend });
    Object.assign(this, { legend: null, values: null, valuesKey: "" });
    this.legendView = new Legend((range) => store.changeImage({ rescale: range.join() }));
    this.rescaleInputs = new RescaleInputs(store);
  }

  /** Shows an image's legend. Resolves to whether the server accepts the image request. */
  async show(image) {
    byId("layer-title").textContent = layerName(image);
    document.title = `${layerName(image)} · scog`;
    const layer = layerOf(image);
    const about = layer && isIndex(layer) ? layer.title : layer?.about;
    const title = image.kind === CUSTOM_EXPRESSION.kind ? image.name : about;
    if (title && title !== layerName(image)) byId("layer-title").append(make("small", {}, title));
    const query = valueQuery(image);
    if (this.valuesKey && !this.valuesKey.startsWith(`${query} `)) this.values = null;
    let problem = null;
    const legend = await fetchLegend(image).catch((error) => ((problem = error), null));
    if (image !== this.store.image) return !problem;
    this.legend = legend;
    this._draw();
    this.onLegend(legend);
    if (problem) this.onError(problem, image);
    return !problem;
  }

  /** Reads the visible pixel values for the histogram, unless they are current or not shown. */
  async updateValues(tilejson) {
    const { image } = this.store;
    const box = visibleBox(this.map, tilejson.bounds);
    if (!this.legend || !box || this.map.getZoom() < tilejson.minzoom || !this.isVisible()) return;
    const key = `${valueQuery(image)} ${box.map((degrees) => degrees.toFixed(5))}`;
    if (key === this.valuesKey) return;
    this.valuesKey = key;
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    // Tiles report the errors.
    const values = await readVisibleValues(image, box, this.map.getZoom(), tilejson, signal).catch(() => null);
    if (signal.aborted || key !== this.valuesKey) return;
    if (!values) this.valuesKey = "";
    this.values = values?.some((output) => output.length) ? values : null;
    this._draw();
  }

  _draw() {
    const { image } = this.store;
    this.legendView.show(this.legend, this.values);
    this.rescaleInputs.show(image, this.legend, this.values);
    this.colormapPicker.show(image, this.legend, layerOf(image)?.colormap);
  }
}
