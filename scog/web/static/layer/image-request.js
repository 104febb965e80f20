// An image request: the layer, time, composite, mask and style of one image, and its query parameters.
import { queryString } from "../shell/http.js";
import { addDays } from "../time/dates.js";
import { collectionOf, isMaskable } from "./collections.js";

/** The image of a page without a hash. Its values are the server's defaults, so that queries stay short. */
export const DEFAULT_IMAGE = Object.freeze({
  collection: "", // "" for the server's default
  kind: "index", // or "bands", or "expression"
  name: "", // index name, preset name or band list, or the expression itself; "" for the collection's default
  time: "", // "" (newest), a date, or "start/end"
  fill: true, // fill the gaps of a single date from the default period before
  composite: "newest",
  mask: true, // the collection's default mask
  dilate: 0, // mask dilation in metres
  clouds: 60, // maximum cloud cover of a scene in percent
  rescale: "", // "low,high" per output, separated by ";"; "" for the layer's default
  colormap: "", // "" for the layer's default
  opacity: 100, // percent
});

/** The style that a newly selected layer starts with. */
export const DEFAULT_STYLE = Object.freeze({ rescale: "", colormap: "" });

const isSingleDay = ({ time, fill }) => Boolean(time) && !time.includes("/") && !fill;

/** The `datetime` interval the image is composited from, as "date" or "start/end"; "" for the newest. */
export function datetime(image) {
  const { time, fill } = image;
  if (!time || time.includes("/") || !fill) return time;
  return `${addDays(time, -collectionOf(image).periodDays)}/${time}`;
}

/** `[name, value]` pairs of collection and layer, without those at the server's default. */
export function layerParams({ collection, kind, name }) {
  const params = collection ? [["collection", collection]] : [];
  return name ? [...params, [kind, name]] : params;
}

/** `[name, value]` pairs of the mask, if the collection has one. */
export function maskParams(image) {
  if (!isMaskable(image)) return [];
  if (!image.mask) return [["mask", "none"]];
  return image.dilate ? [["mask_dilate", String(image.dilate)]] : [];
}

/** `[name, value]` pairs that determine pixel values, without those at the server's default. */
export function valueParams(image, { withTime = true } = {}) {
  const { isStatic, hasCloudCover } = collectionOf(image);
  const params = layerParams(image);
  if (withTime && image.time && !isStatic) params.push(["datetime", datetime(image)]);
  if (withTime && isSingleDay(image) && hasCloudCover)
    params.push(["cloud_cover", "100"]); // a single date is shown however cloudy it is
  else if (image.clouds !== DEFAULT_IMAGE.clouds && hasCloudCover) params.push(["cloud_cover", String(image.clouds)]);
  params.push(...maskParams(image));
  if (image.composite !== DEFAULT_IMAGE.composite && !isStatic) params.push(["composite", image.composite]);
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
