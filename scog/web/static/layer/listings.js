// Layers and composites as the server lists them: their entries in lists, and the search for words.
import { requestJson } from "../shell/http.js";

/** The entry for an expression of the user's. */
export const CUSTOM_EXPRESSION = {
  kind: "expression",
  name: "",
  title: "Custom expression",
  group: "Custom",
  about: "band math",
};

/** The layers of `/bands`: band combinations, quantities and classifications, then single bands. */
export function layersOfCollection({ presets, layers, bands }) {
  const combinations = presets.map(({ name, title, bands: shown, description }) => ({
    kind: "bands",
    name,
    title,
    group: "Band combinations",
    about: description,
    bands: shown,
  }));
  const quantities = layers.map(({ name, title, description, unit, expression, transform, surface, colormap }) => ({
    kind: "index",
    name,
    title,
    group: "Quantities",
    about: [description, unit && `in ${unit}`].filter(Boolean).join(", "),
    formula: transform || surface ? "" : expression,
    colormap,
  }));
  const classified = bands.filter(({ classes }) => classes.length).map(({ name, title, aliases, classes }) => ({
    kind: "index",
    name,
    title,
    aliases,
    group: "Classification",
    about: classes.map((each) => each.name).join(", "),
    classes,
  }));
  const single = bands.filter(({ classes }) => !classes.length).map((band) => ({
    kind: "bands",
    name: band.name,
    title: band.title,
    aliases: band.aliases,
    group: "Bands",
    about: aboutBand(band),
    bands: [band.name],
    colormap: band.colormap,
  }));
  return { combinations, named: [...quantities, ...classified], single };
}

/** The layers of `/indices`, in its order. */
export function layersOfIndices(indices) {
  return indices.map(({ name, title, domain, formula, bands, reference, colormap, aliases }) => ({
    kind: "index",
    name,
    title,
    group: "Indices",
    isIndex: true,
    domain,
    formula,
    bands,
    reference,
    colormap,
    aliases,
  }));
}

/** Whether a layer is a spectral index, which is known by its short name. */
export const isIndex = (layer) => Boolean(layer.isIndex);

/** Whether a layer is a single band. */
export const isBand = ({ kind, bands }) => kind === "bands" && bands.length === 1;

/** The composites as `{name, title, description}`. Rejects with a Problem. */
export const loadComposites = async () => (await requestJson("composites")).composites;

function aboutBand({ name, title, aliases, wavelength, resolution, unit, spectral }) {
  const facts = [
    [name, ...aliases].filter((each) => each !== title).join(", "),
    wavelength && `${wavelength} µm`,
    resolution && `${resolution} m`,
    unit && (spectral ? unit : `values in ${unit}`),
  ];
  return facts.filter(Boolean).join(" · ");
}

/** The layers that contain all words of a text, best match first; matches in names rank highest. */
export function searchLayers(all, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const scored = all.map((layer, index) => ({ layer, index, score: score(layer, words) }));
  const found = scored.filter((each) => each.score > 0 || !words.length);
  return found.sort((a, b) => b.score - a.score || a.index - b.index).map(({ layer }) => layer);
}

function score({ name, title, domain = "", formula = "", about = "", bands = [], aliases = [] }, words) {
  let sum = 0;
  for (const word of words) {
    if ([name, ...aliases].some((each) => each.toLowerCase() === word)) sum += 100;
    else if (name.toLowerCase().startsWith(word)) sum += 40;
    else if (
      title
        .toLowerCase()
        .split(/[\s(]+/)
        .some((part) => part.startsWith(word))
    )
      sum += 20;
    else if (domain.startsWith(word)) sum += 15;
    else if (about.toLowerCase().includes(word)) sum += 8;
    else if (bands.includes(word)) sum += 5;
    else if (`${title} ${formula} ${name}`.toLowerCase().includes(word)) sum += 2;
    else return 0;
  }
  return sum;
}
