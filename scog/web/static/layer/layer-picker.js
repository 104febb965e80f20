// The list of layers, and the description of the selected one.
import { Combobox } from "../shell/combobox.js";
import { byId, gradient, make } from "../shell/dom.js";
import { fetchColors } from "./colormap-picker.js";
import { EXAMPLE_EXPRESSION, DEFAULT_STYLE } from "./image-request.js";
import { CUSTOM_EXPRESSION, searchLayers, layerOf, loadLayers } from "./listings.js";

const BAND_COLORS = {
  red: "#c0392b",
  green: "#3f9b4f",
  blue: "#2f6fb3",
  nir: "#8e1f5b",
  swir16: "#a8702a",
  swir22: "#6d4520",
};

const keyOf = ({ kind, name }) => (kind === "expression" ? CUSTOM_EXPRESSION.kind : `${kind}=${name}`);

export class LayerPicker {
  constructor(store) {
    this.store = store;
    this.all = []; // the named layers, once loaded
    this.combobox = new Combobox(byId("layer-search"), byId("layer-list"), {
      search: (text) => this._search(text),
      render: renderLayer,
      onPick: (layer) => this._pick(layer),
      onVisible: showRamp,
    });
    this.combobox.refresh();
  }

  /** Lists the layers that the server offers. Rejects with a Problem. */
  async load() {
    this.all = (await loadLayers()).map((layer) => ({ ...layer, key: keyOf(layer) }));
    byId("layer-search").placeholder = `Search ${this.all.length} layers: water, fire, B8A …`;
    this.combobox.refresh();
    this.show(this.store.image);
  }

  /** Shows which layer an image has. */
  show(image) {
    this.combobox.select(keyOf(image));
    byId("expression-form").hidden = image.kind !== "expression";
    byId("layer-about").replaceChildren(
      ...describe(layerOf(image), (formula) => this._pick(CUSTOM_EXPRESSION, formula)),
    );
  }

  _search(text) {
    const custom = { ...CUSTOM_EXPRESSION, key: CUSTOM_EXPRESSION.kind, group: "" };
    if (!text) return [custom, ...this.all];
    const found = searchLayers(this.all, text).map((layer) => ({ ...layer, group: "" }));
    return "custom own formula expression".includes(text.toLowerCase()) ? [...found, custom] : found;
  }

  _pick({ kind, name }, formula = EXAMPLE_EXPRESSION) {
    const { image } = this.store;
    if (kind === CUSTOM_EXPRESSION.kind && image.kind === kind && formula === EXAMPLE_EXPRESSION)
      return byId("expression").focus();
    this.store.changeImage({ kind, name: kind === CUSTOM_EXPRESSION.kind ? formula : name, ...DEFAULT_STYLE });
    if (kind === CUSTOM_EXPRESSION.kind) byId("expression").focus();
  }
}

function renderLayer({ kind, name, title, bands, about, key }) {
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
  if (key === CUSTOM_EXPRESSION.kind) swatch.textContent = "ƒ";
  if (name === "scl") swatch.className += " classes";
  if (kind === "index" && name !== "scl") {
    return [
      swatch,
      make("span", {}, make("b", {}, name.length <= 6 ? name.toUpperCase() : name), make("small", {}, title)),
    ];
  }
  return [swatch, make("span", {}, make("b", {}, title), make("small", {}, about))];
}

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

async function showRamp({ colormap }, element) {
  if (!colormap) return;
  const colors = await fetchColors(colormap).catch(() => []);
  if (colors.length) element.querySelector(".swatch").style.background = gradient(colors);
}

// The bands or formula of a layer, with links to edit it and to its source.
function describe(layer, onEdit) {
  if (!layer) return [];
  if (layer.kind === "bands")
    return [make("p", { className: "hint" }, `RGB: ${layer.bands.join(", ")}. ${capitalised(layer.about)}.`)];
  if (!layer.formula) return [make("p", { className: "hint" }, `${capitalised(layer.about)}.`)];
  const parts = [make("code", { className: "formula" }, layer.formula)];
  const links = make("p", { className: "hint links" }, make("span", { className: "grow" }, `Domain: ${layer.domain}`));
  const button = make("button", { type: "button", className: "link" }, "Edit");
  button.addEventListener("click", () => onEdit(layer.formula));
  links.append(button);
  if (/^https?:\/\//.test(layer.reference ?? "")) {
    links.append(make("a", { href: layer.reference, target: "_blank", rel: "noopener noreferrer" }, "Source"));
  }
  return [...parts, links];
}
