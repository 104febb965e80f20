// Choosing a layer, and what is known of the chosen one.
import { Choice } from "../shell/combobox.js";
import { byId, gradient, make } from "../shell/dom.js";
import { colorsOf } from "./colormap-picker.js";
import { FORMULA, PLAIN } from "./image-request.js";
import { OWN, findLayers, layerOf, loadLayers } from "./listings.js";

const BAND_COLORS = {
  red: "#c0392b",
  green: "#3f9b4f",
  blue: "#2f6fb3",
  nir: "#8e1f5b",
  swir16: "#a8702a",
  swir22: "#6d4520",
};

const keyOf = ({ kind, name }) => (kind === "expression" ? OWN.kind : `${kind}=${name}`);

export class Layers {
  constructor(store) {
    this.store = store;
    this.all = [OWN];
    this.choice = new Choice(byId("layer-search"), byId("layer-list"), {
      find: (text) => this._find(text),
      row,
      pick: (layer) => this._pick(layer),
      seen: showRamp,
    });
    this.choice.refresh();
  }

  async load() {
    this.all = (await loadLayers()).map((layer) => ({ ...layer, key: keyOf(layer) }));
    byId("layer-search").placeholder = `Find among ${this.all.length} layers: water, fire, B8A …`;
    this.choice.refresh();
    this.show(this.store.picture);
  }

  show(picture) {
    this.choice.choose(keyOf(picture));
    byId("formula").hidden = picture.kind !== "expression";
    byId("about").replaceChildren(...about(layerOf(picture), (formula) => this._pick(OWN, formula)));
  }

  _find(text) {
    const own = { ...OWN, key: OWN.kind, group: "" };
    if (!text) return [own, ...this.all];
    const found = findLayers(this.all, text).map((layer) => ({ ...layer, group: "" }));
    return "own formula expression".includes(text.toLowerCase()) ? [...found, own] : found;
  }

  _pick({ kind, name }, formula = FORMULA) {
    const { picture } = this.store;
    if (kind === OWN.kind && picture.kind === kind && formula === FORMULA) return byId("expression").focus();
    this.store.changePicture({ kind, name: kind === OWN.kind ? formula : name, ...PLAIN });
    if (kind === OWN.kind) byId("expression").focus();
  }
}

function row({ kind, name, title, bands, about, key }) {
  const swatch = make("i", { className: "swatch" });
  if (kind === "bands")
    swatch.append(
      ...bands.map((band) => {
        const part = make("b");
        part.style.background =
          BAND_COLORS[band] ??
          { visual_red: BAND_COLORS.red, visual_green: BAND_COLORS.green, visual_blue: BAND_COLORS.blue }[band] ??
          "#7b6aa0";
        return part;
      }),
    );
  if (key === OWN.kind) swatch.textContent = "ƒ";
  if (name === "scl") swatch.className += " classes";
  if (kind === "index" && name !== "scl") {
    return [
      swatch,
      make("span", {}, make("b", {}, name.length <= 6 ? name.toUpperCase() : name), make("small", {}, title)),
    ];
  }
  return [swatch, make("span", {}, make("b", {}, title), make("small", {}, about))];
}

async function showRamp({ colormap }, line) {
  if (!colormap) return;
  const colors = await colorsOf(colormap).catch(() => []);
  if (colors.length) line.querySelector(".swatch").style.background = gradient(colors);
}

// What a layer is, and where it is from.
function about(layer, edit) {
  if (!layer) return [];
  if (layer.kind === "bands")
    return [make("p", { className: "hint" }, `Red, green and blue are ${layer.bands.join(", ")}: ${layer.about}.`)];
  if (!layer.formula)
    return [make("p", { className: "hint" }, `${layer.about[0].toUpperCase()}${layer.about.slice(1)}.`)];
  const parts = [make("code", { className: "formula" }, layer.formula)];
  const links = make("p", { className: "hint links" }, make("span", { className: "grow" }, `For ${layer.domain}`));
  const button = make("button", { type: "button", className: "link" }, "Edit");
  button.addEventListener("click", () => edit(layer.formula));
  links.append(button);
  if (/^https?:\/\//.test(layer.reference ?? "")) {
    links.append(make("a", { href: layer.reference, target: "_blank", rel: "noopener noreferrer" }, "Source"));
  }
  return [...parts, links];
}
