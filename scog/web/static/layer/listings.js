// What the server offers by name: band combinations, indices, composites.
import { requestJson } from "../shell/http.js";

const SCL = {
  kind: "index",
  name: "scl",
  title: "Scene classification",
  group: "Classification",
  about: "pixel classes: cloud, shadow, vegetation, water, snow",
};
/** The entry for an expression of the user's. */
export const CUSTOM_EXPRESSION = {
  kind: "expression",
  name: "",
  title: "Custom expression",
  group: "Custom",
  about: "band math",
};

let layers = [SCL];

/**
 * All named layers: band combinations, the scene classification, then indices in the server's order. Rejects with a
 * Problem.
 */
export async function loadLayers() {
  const [{ presets }, { indices }] = await Promise.all([requestJson("bands"), requestJson("indices")]);
  const combinations = presets.map(({ name, title, bands, description }) => ({
    kind: "bands",
    name,
    title,
    group: "Band combinations",
    about: description,
    bands,
  }));
  const named = indices.map(({ name, title, domain, formula, bands, reference, colormap, aliases }) => ({
    kind: "index",
    name,
    title,
    group: "Indices",
    domain,
    formula,
    bands,
    reference,
    colormap,
    aliases,
  }));
  layers = [...combinations, SCL, ...named];
  return layers;
}

/** The composites as `{name, title, description}`. Rejects with a Problem. */
export const loadComposites = async () => (await requestJson("composites")).composites;

/** The listed layer of an image, or undefined. */
export const layerOf = ({ kind, name }) => layers.find((layer) => layer.kind === kind && layer.name === name);

/** A short title of an image's layer. */
export function layerName(image) {
  if (image.kind === "expression") return CUSTOM_EXPRESSION.title;
  if (image.name === SCL.name) return SCL.title;
  if (image.kind === "index") return image.name.length <= 6 ? image.name.toUpperCase() : image.name;
  return layerOf(image)?.title ?? image.name.replace("true-color", "True colour");
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
