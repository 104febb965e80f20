// Colormaps, chosen by their looks.
import { Choice } from "../shell/combobox.js";
import { byId, gradient, make } from "../shell/dom.js";
import { askJson } from "../shell/http.js";

const SHOWN = 24; // colours of a preview
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
const known = new Map();

// Some colours of a map, first to last.
export function colorsOf(name) {
  if (!known.has(name)) {
    const asked = askJson(`colorMaps/${encodeURIComponent(name)}`).then((table) => {
      const place = (step) => Math.round((step * 255) / (SHOWN - 1));
      return Array.from({ length: SHOWN }, (_, step) => `rgb(${table[place(step)].slice(0, 3).join()})`);
    });
    known.set(name, asked);
    asked.catch(() => known.delete(name));
  }
  return known.get(name);
}

export class Colormaps {
  constructor(store) {
    this.store = store;
    this.names = [];
    this.choice = new Choice(byId("colormap-search"), byId("colormap-list"), {
      find: (text) => this._find(text.toLowerCase()),
      row: ({ name }) => [make("i", { className: "ramp" }), make("span", {}, name)],
      pick: ({ name }) => store.changePicture({ colormap: name + (byId("reverse").checked ? "_r" : "") }),
      seen: ({ name }, line) => paint(line.querySelector(".ramp"), name),
    });
    byId("colormap").addEventListener("click", () => this._toggle(byId("colormaps").hidden));
    byId("colormaps").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this._toggle(false);
      byId("colormap").focus();
    });
    byId("reverse").addEventListener("change", () => {
      const name = (store.picture.colormap || this.own).replace(/_r$/, "");
      store.changePicture({ colormap: byId("reverse").checked ? `${name}_r` : name });
    });
  }

  // `legend` is what the server tells of the picture, `own` the name of the layer's own colormap.
  show({ colormap }, legend, own) {
    this.own = own || "viridis";
    byId("colormap").hidden = legend?.kind !== "ramp";
    if (byId("colormap").hidden) this._toggle(false);
    byId("colormap-name").textContent = colormap || `${this.own}, the layer's own`;
    byId("colormap").querySelector(".ramp").style.background =
      legend?.kind === "ramp" ? gradient(legend.colors.filter((_, place) => place % 10 === 0)) : "";
    byId("reverse").checked = colormap.endsWith("_r");
    this.choice.choose((colormap || this.own).replace(/_r$/, ""));
  }

  _find(text) {
    const entry = (group) => (name) => ({ key: name, name, group });
    if (text) return this.names.filter((name) => name.includes(text)).map(entry(""));
    const rest = this.names.filter((name) => !FAVOURITES.includes(name));
    return [...FAVOURITES.map(entry("Often used")), ...rest.map(entry("All"))];
  }

  async _toggle(open) {
    byId("colormaps").hidden = !open;
    byId("colormap").setAttribute("aria-expanded", String(open));
    if (!open) return;
    this.choice.refresh();
    byId("colormap-search").focus({ preventScroll: true });
    byId("colormaps").scrollIntoView?.({ block: "nearest" });
    if (this.names.length) return;
    const { colorMaps } = await askJson("colorMaps").catch(() => ({ colorMaps: FAVOURITES }));
    this.names = colorMaps.filter((name) => !name.endsWith("_r"));
    this.choice.refresh();
  }
}

async function paint(ramp, name) {
  const colors = await colorsOf(name).catch(() => []);
  if (colors.length) ramp.style.background = gradient(colors);
}
