// What the server offers by name: pictures of three bands, indices, composites.
import { askJson } from "../shell/http.js";

const SCL = {
  kind: "index",
  name: "scl",
  title: "Scene classification",
  group: "Pictures",
  about: "what each pixel is: cloud, water, plants, snow",
};
export const OWN = { kind: "expression", name: "", title: "Own formula", group: "Own", about: "of any bands" };

let layers = [SCL];

// All layers by name: pictures first, then indices, the best known ones first.
export async function loadLayers() {
  const [{ presets }, { indices }] = await Promise.all([askJson("bands"), askJson("indices")]);
  const pictures = presets.map(({ name, title, bands, description }) => ({
    kind: "bands",
    name,
    title,
    group: "Pictures",
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
  layers = [...pictures, SCL, ...named];
  return layers;
}

export const loadComposites = async () => (await askJson("composites")).composites;

export const layerOf = ({ kind, name }) => layers.find((layer) => layer.kind === kind && layer.name === name);

// What a picture is called, in a word or two.
export function layerName(picture) {
  if (picture.kind === "expression") return OWN.title;
  if (picture.name === SCL.name) return SCL.title;
  if (picture.kind === "index") return picture.name.length <= 6 ? picture.name.toUpperCase() : picture.name;
  return layerOf(picture)?.title ?? picture.name.replace("true-color", "True colour");
}

// The layers that a text finds, the best match first: all words must occur, names count most.
export function findLayers(all, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const scored = all.map((layer, place) => ({ layer, place, score: score(layer, words) }));
  const found = scored.filter((each) => each.score > 0 || !words.length);
  return found.sort((a, b) => b.score - a.score || a.place - b.place).map(({ layer }) => layer);
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
