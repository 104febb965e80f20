// The collections of the server: what each is, by `/bands` and its TileJSON, and which layers it has. Each is loaded
// when an image of it is first shown.
import { queryString, requestJson } from "../shell/http.js";
import { CUSTOM_EXPRESSION, isBand, isIndex, layersOfCollection, layersOfIndices } from "./listings.js";

/** Of a collection that is not loaded. */
const UNKNOWN = Object.freeze({
  title: "",
  isStatic: false,
  hasCloudCover: true,
  periodDays: 90,
  mask: Object.freeze({ name: "clouds", masks: Object.freeze([]) }),
  bands: Object.freeze([]),
  layers: Object.freeze([]),
  hasAllLayers: false,
  defaultLayer: Object.freeze({ kind: "index", name: "" }),
  tilejson: null,
});

const loaded = new Map(); // name to collection
const loading = new Map(); // URL to promise

/**
 * The collection of an image: `isStatic` if it does not change over time, `hasCloudCover` if its scenes have one, the
 * default period in days, `mask` as `{name, masks}` or null, its bands and layers, and its `tilejson`, null if it is not
 * loaded.
 */
export const collectionOf = ({ collection }) => loaded.get(collection) ?? UNKNOWN;

/** Whether an image's collection is loaded. */
export const isLoaded = ({ collection }) => loaded.has(collection);

/** Resolves to a collection by name, "" for the server's default. Rejects with a Problem. */
export async function loadCollection(name) {
  if (loaded.has(name)) return loaded.get(name);
  const [tilejson, described] = await Promise.all([fetchOnce("tilejson.json", name), fetchOnce("bands", name)]);
  if (!loaded.has(name)) loaded.set(name, { name, tilejson, ...describe(described) });
  return loaded.get(name);
}

/** Adds the spectral indices to the layers of a loaded collection. Rejects with a Problem. */
export async function loadIndices(name) {
  const { indices } = await fetchOnce("indices", name);
  const collection = loaded.get(name);
  if (collection.hasAllLayers) return;
  const { combinations, named, single } = collection.parts;
  const layers = [...combinations, ...named, ...layersOfIndices(indices), ...single];
  loaded.set(name, { ...collection, layers, hasAllLayers: true });
}

/** The listed layer of an image, or undefined. */
export function layerOf(image) {
  const { kind, name } = resolved(image);
  const isNamed = (layer) => layer.kind === kind && layer.name === name;
  const { layers } = collectionOf(image);
  return layers.find(isNamed) ?? layers.find((layer) => kind === "bands" && hasAlias(layer, name));
}

/** The `{kind, name}` of an image's layer: of its collection's default if the image names none. */
export const resolved = (image) => (image.name ? image : collectionOf(image).defaultLayer);

/** An image without the name of its layer if that is its collection's default, which keeps links and queries short. */
export function canonical(image) {
  const { kind, name } = collectionOf(image).defaultLayer;
  return image.name && image.kind === kind && image.name === name
    ? Object.freeze({ ...image, kind: "index", name: "" })
    : image;
}

/** A short title of an image's layer. */
export function layerName(image) {
  if (image.kind === CUSTOM_EXPRESSION.kind) return CUSTOM_EXPRESSION.title;
  const layer = layerOf(image);
  if (layer && !isIndex(layer)) return layer.title;
  const { kind, name } = resolved(image);
  return kind === "index" ? indexName(name) : name;
}

/** The name of an index as it is shown. */
export const indexName = (name) => (name.length <= 6 ? name.toUpperCase() : name);

/** Whether the image shows classes, which are never masked. */
export const isClassification = (image) => Boolean(layerOf(image)?.classes);

/** Whether the collection has a mask for the image. */
export const isMaskable = (image) => Boolean(collectionOf(image).mask) && !isClassification(image);

/** `{kind, name}` of a layer to compare an image with: colours beside values, and values beside colours. */
export function layerToCompare(image) {
  const { layers, defaultLayer } = collectionOf(image);
  const shown = layerOf(image) ?? resolved(image);
  const isColour = shown.kind === "bands" || isClassification(image);
  const colours = layers.filter((layer) => layer.kind === "bands" && !isBand(layer));
  const others = isColour ? [defaultLayer, ...layers] : [...colours, defaultLayer, ...layers];
  const { kind, name } = others.find((each) => each.kind !== shown.kind || each.name !== shown.name) ?? shown;
  return { kind, name };
}

/** The collections of `/collections` as `{name, title, id, group}`, those of one catalogue after the other. */
export async function listCollections() {
  const { collections, catalogs } = await requestJson("collections");
  return catalogs.flatMap(({ name: catalog, default_collection: preset }, position) => {
    const own = collections.filter((each) => each.catalog === catalog);
    const group = catalogs.length > 1 ? catalog : "";
    const isDefault = (each) => position === 0 && each.default;
    const entries = own.map((each) => ({
      name: isDefault(each) || (own.length === 1 && position === 0 && !preset) ? "" : each.name,
      title: each.title || each.id,
      id: each.id,
      group,
    }));
    const all = { name: position ? `@${catalog}` : "", title: "All collections", id: "", group };
    return !preset && own.length > 1 ? [all, ...entries] : entries;
  });
}

function fetchOnce(path, name) {
  const url = `${path}${queryString(name ? [["collection", name]] : [])}`;
  if (!loading.has(url)) {
    const response = requestJson(url);
    loading.set(url, response);
    response.catch(() => loading.delete(url));
  }
  return loading.get(url);
}

function describe(described) {
  const parts = layersOfCollection(described);
  const layers = [...parts.combinations, ...parts.named, ...parts.single];
  const { mask } = described;
  return {
    title: described.title,
    isStatic: described.static,
    hasCloudCover: described.cloud_filter,
    periodDays: described.period_days,
    mask: mask && mask.default !== "none" ? maskOf(mask) : null,
    bands: described.bands,
    parts,
    layers,
    hasAllLayers: false,
    defaultLayer: defaultOf(described.default, [...parts.named, ...parts.combinations, ...parts.single]),
  };
}

// The default mask: its name and, if it is one of the collection's sets, the names of what that masks.
function maskOf({ default: name, sets }) {
  return { name, masks: sets.find((each) => each.name === name)?.masks ?? [] };
}

// The layer that the server draws by default: a listed one, else an index.
function defaultOf(name, layers) {
  const { kind } = layers.find((layer) => layer.name === name) ?? { kind: "index" };
  return { kind, name };
}

const hasAlias = ({ aliases = [] }, name) => aliases.some((alias) => alias.toLowerCase() === name.toLowerCase());
