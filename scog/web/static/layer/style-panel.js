// What the colours of the chosen picture mean, and which values are on screen: the legend and all that belongs to it.
import { seen } from "../map/map.js";
import { byId, make } from "../shell/dom.js";
import { valueQuery } from "./image-request.js";
import { legendOf } from "./legend-cache.js";
import { Legend } from "./legend.js";
import { layerName, layerOf } from "./listings.js";
import { Ranges } from "./rescale-inputs.js";
import { sample } from "./visible-values.js";

export class Looks {
  // `wanted` says whether anybody looks at the values on screen; `told` gets each legend, `failed` what is wrong with a
  // picture.
  constructor(map, store, colormaps, { wanted, failed, told }) {
    Object.assign(this, { map, store, colormaps, wanted, failed, tell: told, told: null, values: null, sampled: "" });
    this.legend = new Legend((range) => store.changePicture({ rescale: range.join() }));
    this.ranges = new Ranges(store);
  }

  // Ask what the colours mean. Resolves to whether the picture makes sense.
  async show(picture) {
    byId("layer-title").textContent = layerName(picture);
    document.title = `${layerName(picture)} · scog`;
    const title =
      picture.kind === "index"
        ? layerOf(picture)?.title
        : picture.kind === "expression"
          ? picture.name
          : layerOf(picture)?.about;
    if (title && title !== layerName(picture)) byId("layer-title").append(make("small", {}, title));
    const shown = valueQuery(picture);
    if (this.sampled && !this.sampled.startsWith(`${shown} `)) this.values = null;
    let problem = null;
    const told = await legendOf(picture).catch((error) => ((problem = error), null));
    if (picture !== this.store.picture) return !problem;
    this.told = told;
    this._draw();
    this.tell(told);
    if (problem) this.failed(problem, picture);
    return !problem;
  }

  // Read the values on screen, if they are others than before and somebody looks.
  async read(served) {
    const { picture } = this.store;
    const box = seen(this.map, served.bounds);
    if (!this.told || !box || this.map.getZoom() < served.minzoom || !this.wanted()) return;
    const key = `${valueQuery(picture)} ${box.map((degrees) => degrees.toFixed(5))}`;
    if (key === this.sampled) return;
    this.sampled = key;
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    const values = await sample(picture, box, this.map.getZoom(), served, signal).catch(() => null); // tiles tell of what is wrong
    if (signal.aborted || key !== this.sampled) return;
    if (!values) this.sampled = "";
    this.values = values?.some((output) => output.length) ? values : null;
    this._draw();
  }

  _draw() {
    const { picture } = this.store;
    this.legend.show(this.told, this.values);
    this.ranges.show(picture, this.told, this.values);
    this.colormaps.show(picture, this.told, layerOf(picture)?.colormap);
  }
}
