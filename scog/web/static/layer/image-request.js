// One picture: what is shown, of when, and how; and the query that asks for it.
import { FILL_DAYS, addDays } from "../time/dates.js";

export const FORMULA = "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)";

export const PICTURE = Object.freeze({
  kind: "index", // or "bands", or "expression"
  name: "ndvi", // of the index, of the preset or the bands, or the formula itself
  time: "", // the newest
  fill: true, // a date's gaps from the days before
  composite: "newest",
  mask: true,
  dilate: 0, // metres
  clouds: 60, // percent
  rescale: "", // as the layer has it
  colormap: "",
  opacity: 100, // percent
});

// What belongs to a layer's looks, and goes when another layer is chosen.
export const PLAIN = Object.freeze({ rescale: "", colormap: "" });

export const unmasked = ({ kind, name }) => kind === "index" && name === "scl";
const oneDay = ({ time, fill }) => Boolean(time) && !time.includes("/") && !fill;

// The days that are drawn from, or "" for the newest.
export function datetime({ time, fill }) {
  if (!time || time.includes("/") || !fill) return time;
  return `${addDays(time, -FILL_DAYS)}/${time}`;
}

// Name and value of the parameters of a picture's values; only where they differ from the server's defaults, so that
// addresses stay short.
export function valuePairs(picture, { when = true } = {}) {
  const { kind, name, clouds, mask, dilate, composite } = picture;
  const pairs = kind === "index" && name === "ndvi" ? [] : [[kind, name]];
  if (when && picture.time) pairs.push(["datetime", datetime(picture)]);
  if (when && oneDay(picture))
    pairs.push(["cloud_cover", "100"]); // who asks for one day wants it as it was
  else if (clouds !== PICTURE.clouds) pairs.push(["cloud_cover", String(clouds)]);
  if (!unmasked(picture) && !mask) pairs.push(["mask", "none"]);
  if (!unmasked(picture) && mask && dilate) pairs.push(["mask_dilate", String(dilate)]);
  if (composite !== PICTURE.composite) pairs.push(["composite", composite]);
  return pairs;
}

export function lookPairs({ rescale, colormap }) {
  const pairs = rescale
    .split(";")
    .filter(Boolean)
    .map((range) => ["rescale", range]);
  return colormap ? [...pairs, ["colormap_name", colormap]] : pairs;
}

export const tilePairs = (picture) => [...valuePairs(picture), ...lookPairs(picture)];
export const tileQuery = (picture) => queryString(tilePairs(picture));
export const valueQuery = (picture) => queryString(valuePairs(picture));

// As encodeURIComponent, but what may stand in a query stays readable.
export function queryString(pairs) {
  const encode = (text) => encodeURIComponent(text).replace(/%(2C|2F|3A)/g, decodeURIComponent);
  return pairs.length ? `?${pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&")}` : "";
}
