// An image request: the layer, time, composite, mask and style of one image, and its query parameters.
import { FILL_DAYS, addDays } from "../time/dates.js";

/** The expression that the editor starts with: EVI. */
export const EXAMPLE_EXPRESSION = "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)";

/** The image of a page without a hash. Its values are the server's defaults, so that queries stay short. */
export const DEFAULT_IMAGE = Object.freeze({
  kind: "index", // or "bands", or "expression"
  name: "ndvi", // index name, preset name or band list, or the expression itself
  time: "", // "" (newest), a date, or "start/end"
  fill: true, // fill the gaps of a single date from the FILL_DAYS days before
  composite: "newest",
  mask: true, // mask clouds and shadows
  dilate: 0, // mask dilation in metres
  clouds: 60, // maximum cloud cover of a scene in percent
  rescale: "", // "low,high" per output, separated by ";"; "" for the layer's default
  colormap: "", // "" for the layer's default
  opacity: 100, // percent
});

/** The style that a newly selected layer starts with. */
export const DEFAULT_STYLE = Object.freeze({ rescale: "", colormap: "" });

/** Whether the image shows the scene classification, which is never masked. */
export const isClassification = ({ kind, name }) => kind === "index" && name === "scl";
const isSingleDay = ({ time, fill }) => Boolean(time) && !time.includes("/") && !fill;

/** The `datetime` interval the image is composited from, as "date" or "start/end"; "" for the newest. */
export function datetime({ time, fill }) {
  if (!time || time.includes("/") || !fill) return time;
  return `${addDays(time, -FILL_DAYS)}/${time}`;
}

/** `[name, value]` pairs that determine pixel values, without those at the server's default. */
export function valueParams(image, { withTime = true } = {}) {
  const { kind, name, clouds, mask, dilate, composite } = image;
  const params = kind === "index" && name === "ndvi" ? [] : [[kind, name]];
  if (withTime && image.time) params.push(["datetime", datetime(image)]);
  if (withTime && isSingleDay(image))
    params.push(["cloud_cover", "100"]); // a single date is shown however cloudy it is
  else if (clouds !== DEFAULT_IMAGE.clouds) params.push(["cloud_cover", String(clouds)]);
  if (!isClassification(image) && !mask) params.push(["mask", "none"]);
  if (!isClassification(image) && mask && dilate) params.push(["mask_dilate", String(dilate)]);
  if (composite !== DEFAULT_IMAGE.composite) params.push(["composite", composite]);
  return params;
}

/** `[name, value]` pairs of rescale ranges and colormap. */
export function styleParams({ rescale, colormap }) {
  const params = rescale
    .split(";")
    .filter(Boolean)
    .map((range) => ["rescale", range]);
  return colormap ? [...params, ["colormap_name", colormap]] : params;
}

/** `[name, value]` pairs of rendered tiles. */
export const tileParams = (image) => [...valueParams(image), ...styleParams(image)];
/** Query string of rendered tiles, with a leading "?" unless empty. */
export const tileQuery = (image) => queryString(tileParams(image));
/** Query string of pixel values (no style), with a leading "?" unless empty. */
export const valueQuery = (image) => queryString(valueParams(image));

/** Encodes pairs as "?a=1&b=2", or "". Comma, slash and colon are valid in a query and stay readable. */
export function queryString(params) {
  const encode = (text) => encodeURIComponent(text).replace(/%(2C|2F|3A)/g, decodeURIComponent);
  return params.length ? `?${params.map(([name, value]) => `${name}=${encode(value)}`).join("&")}` : "";
}
