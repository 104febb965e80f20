// The list of colormaps with previews.
import { Combobox } from "../shell/combobox.js";
import { byId, gradient, make } from "../shell/dom.js";
import { requestJson } from "../shell/http.js";

const PREVIEW_COLORS = 24;
const FAVOURITES = [
  "viridis",
  "magma",
  "cividis",
  "turbo",
  "batlow",
  "rdylgn",
  "rdylbu",
  "rdbu",
  "brbg",
  "spectral",
  "ylgn",
  "ylorbr",
  "greys",
  "terrain",
];
const cache = new Map(); // name to promise

/** Promise of PREVIEW_COLORS CSS colours of a colormap, first to last. Rejects with a Problem. */
export function fetchColors(name) {
  if (!cache.has(name)) {
    const colors = requestJson(`colorMaps/${encodeURIComponent(name)}`).then((table) => {
      const entry = (step) => Math.round((step * 255) / (PREVIEW_COLORS - 1));
      return Array.from({ length: PREVIEW_COLORS }, (_, step) => `rgb(${table[entry(step)].slice(0, 3).join()})`);
    });
    cache.set(name, colors);
    colors.catch(() => cache.delete(name));
  }
  return cache.get(name);
}

export class ColormapPicker {
  constructor(store) {
    this.store = store;
    this.names = [];
    this.combobox = new Combobox(byId("colormap-search"), byId("colormap-list"), {
      search: (text) => this._search(text.toLowerCase()),
      render: ({ name }) => [make("i", { className: "ramp" }), make("span", {}, name)],
      onPick: ({ name }) => store.changeImage({ colormap: name + (byId("reverse").checked ? "_r" : "") }),
      onVisible: ({ name }, element) => paint(element.querySelector(".ramp"), name),
    });
    byId("colormap").addEventListener("click", () => this._toggle(byId("colormaps").hidden));
    byId("colormaps").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this._toggle(false);
      byId("colormap").focus();
    });
    byId("reverse").addEventListener("change", () => {
      const name = (store.image.colormap || this.layerDefault).replace(/_r$/, "");
      store.changeImage({ colormap: byId("reverse").checked ? `${name}_r` : name });
    });
  }

  /** Shows an image's colormap and the ramp of its legend; `layerDefault` is the name of the layer's colormap. */
  show({ colormap }, legend, layerDefault) {
    this.layerDefault = layerDefault || "viridis";
    byId("colormap").hidden = legend?.kind !== "ramp";
    if (byId("colormap").hidden) this._toggle(false);
    byId("colormap-name").textContent = colormap || `${this.layerDefault} (layer default)`;
    byId("colormap").querySelector(".ramp").style.background =
      legend?.kind === "ramp" ? gradient(legend.colors.filter((_, step) => step % 10 === 0)) : "";
    byId("reverse").checked = colormap.endsWith("_r");
    this.combobox.select((colormap || this.layerDefault).replace(/_r$/, ""));
  }

  _search(text) {
    const entry = (group) => (name) => ({ key: name, name, group });
    if (text) return this.names.filter((name) => name.includes(text)).map(entry(""));
    const rest = this.names.filter((name) => !FAVOURITES.includes(name));
    return [...FAVOURITES.map(entry("Common")), ...rest.map(entry("All"))];
  }

  async _toggle(open) {
    byId("colormaps").hidden = !open;
    byId("colormap").setAttribute("aria-expanded", String(open));
    if (!open) return;
    this.combobox.refresh();
    byId("colormap-search").focus({ preventScroll: true });
    byId("colormaps").scrollIntoView?.({ block: "nearest" });
    if (this.names.length) return;
    const { colorMaps } = await requestJson("colorMaps").catch(() => ({ colorMaps: FAVOURITES }));
    this.names = colorMaps.filter((name) => !name.endsWith("_r"));
    this.combobox.refresh();
  }
}

async function paint(ramp, name) {
  const colors = await fetchColors(name).catch(() => []);
  if (colors.length) ramp.style.background = gradient(colors);
}
