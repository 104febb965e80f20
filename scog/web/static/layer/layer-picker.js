// The list of layers, and the description of the selected one.
import { Combobox } from "../shell/combobox.js";
import { byId, gradient, make } from "../shell/dom.js";
import { fetchColors } from "./colormap-picker.js";
import { canonical, collectionOf, indexName, layerOf, resolved } from "./collections.js";
import { DEFAULT_STYLE } from "./image-request.js";
import { CUSTOM_EXPRESSION, isBand, isIndex, searchLayers } from "./listings.js";

const EVI = { formula: "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)", bands: ["nir", "red", "blue"] };
const BAND_COLORS = {
  red: "#c0392b",
  green: "#3f9b4f",
  blue: "#2f6fb3",
  nir: "#8e1f5b",
  swir16: "#a8702a",
  swir22: "#6d4520",
};

const CHANNELS = ["red", "green", "blue"]; // of band combinations

const keyOf = ({ kind, name }) => (kind === "expression" ? CUSTOM_EXPRESSION.kind : `${kind}=${name}`);

export class LayerPicker {
  constructor(store) {
    this.store = store;
    this.all = []; // the named layers, once all are loaded
    this.combobox = new Combobox(byId("layer-search"), byId("layer-list"), {
      search: (text) => this._search(text),
      render: renderLayer,
      onPick: (layer) => this._pick(layer),
      onVisible: showRamp,
    });
    this.combobox.refresh();
  }

  /** Shows the layers of an image's collection, and which of them the image has. */
  show(image) {
    const { layers, hasAllLayers } = collectionOf(image);
    if (hasAllLayers && layers !== this.layers) {
      this.layers = layers;
      this.all = layers.map((layer) => ({ ...layer, key: keyOf(layer) }));
      byId("layer-search").placeholder = `Search ${layers.length} layers${examples(layers)}`;
      this.combobox.refresh();
    }
    const isCustom = image.kind === CUSTOM_EXPRESSION.kind;
    this.combobox.select(keyOf(isCustom ? image : (layerOf(image) ?? resolved(image))));
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

  _pick({ kind, name }, formula = "") {
    const { image } = this.store;
    const isCustom = kind === CUSTOM_EXPRESSION.kind;
    if (isCustom && image.kind === kind && !formula) return byId("expression").focus();
    const layer = { kind, name: isCustom ? formula || exampleExpression(image) : name };
    this.store.changeImage({ ...canonical({ ...image, ...layer }), ...DEFAULT_STYLE });
    if (isCustom) byId("expression").focus();
  }
}

// The expression that the editor starts with: EVI, if the collection has its bands.
function exampleExpression(image) {
  const { bands } = collectionOf(image);
  const names = bands.map(({ name }) => name);
  if (EVI.bands.every((name) => names.includes(name))) return EVI.formula;
  return layerOf(image)?.formula || names[0] || "1";
}

// Words to search for: of indices if there are some, and the code of a band.
function examples(layers) {
  const codes = layers.filter(isBand).flatMap(({ aliases }) => aliases.slice(0, 1));
  const shown = [...(layers.some(isIndex) ? ["water", "fire"] : []), ...codes.slice(codes.length / 2).slice(0, 1)];
  return shown.length ? `: ${shown.join(", ")} …` : "";
}

function renderLayer(layer) {
  const { kind, name, title, bands, about, key, classes } = layer;
  const swatch = make("i", { className: "swatch" });
  if (kind === "bands" && !isBand(layer))
    swatch.append(
      ...bands.map((band, position) => {
        const part = make("b");
        part.style.background = BAND_COLORS[band] ?? BAND_COLORS[CHANNELS[position]];
        return part;
      }),
    );
  if (key === CUSTOM_EXPRESSION.kind) swatch.textContent = "ƒ";
  if (classes) swatch.style.background = `conic-gradient(${sectors(classes)})`;
  if (isIndex(layer)) return [swatch, make("span", {}, make("b", {}, indexName(name)), make("small", {}, title))];
  return [swatch, make("span", {}, make("b", {}, title), make("small", {}, about))];
}

const sectors = (classes) =>
  classes
    .map(({ color }, index) => `${color} ${(100 * index) / classes.length}% ${(100 * (index + 1)) / classes.length}%`)
    .join(", ");

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

async function showRamp({ colormap }, element) {
  if (!colormap) return;
  const colors = await fetchColors(colormap).catch(() => []);
  if (colors.length) element.querySelector(".swatch").style.background = gradient(colors);
}

// The bands or formula of a layer, with links to edit it and to its source.
function describe(layer, onEdit) {
  if (!layer) return [];
  if (isBand(layer)) return [make("p", { className: "hint" }, layer.about)];
  if (layer.kind === "bands")
    return [make("p", { className: "hint" }, `RGB: ${layer.bands.join(", ")}. ${capitalised(layer.about)}.`)];
  if (!layer.formula) return [make("p", { className: "hint" }, `${capitalised(layer.about)}.`)];
  const parts = [make("code", { className: "formula" }, layer.formula)];
  const about = layer.domain ? `Domain: ${layer.domain}` : `${capitalised(layer.about)}.`;
  const links = make("p", { className: "hint links" }, make("span", { className: "grow" }, about));
  const button = make("button", { type: "button", className: "link" }, "Edit");
  button.addEventListener("click", () => onEdit(layer.formula));
  links.append(button);
  if (/^https?:\/\//.test(layer.reference ?? "")) {
    links.append(make("a", { href: layer.reference, target: "_blank", rel: "noopener noreferrer" }, "Source"));
  }
  return [...parts, links];
}
