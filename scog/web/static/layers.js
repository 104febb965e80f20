// What can be shown, how it looks, and the query that asks for it.

// Each with the few colours that its button shows; what a picture's colours mean, the server tells.
export const LAYERS = {
  ndvi: { title: "Vegetation", name: "NDVI", query: [], swatch: "d62f27, feffbe, 199750" },
  true: { title: "True colour", name: "red, green, blue", query: [["bands", "true-color"]] },
  false: { title: "False colour", name: "infrared", query: [["bands", "false-color"]] },
  ndwi: { title: "Water", name: "NDWI", query: [["index", "ndwi"]], swatch: "b1182b, f6f7f7, 2065ab" },
  ndmi: { title: "Moisture", name: "NDMI", query: [["index", "ndmi"]], swatch: "d62f27, feffc0, 4574b3" },
  scl: { title: "Classes", name: "clouds, water, plants", query: [["index", "scl"]], unmasked: true },
  formula: { title: "Own formula", name: "of bands", range: [-1, 1], swatch: "440154, 21918c, fde725" },
};

export const DEFAULTS = Object.freeze({
  layer: "ndvi",
  expression: "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)",
  rescale: "",
  date: "", // the newest
  fill: true, // a date's gaps from the days before
  clouds: 60,
  mask: true,
  opacity: 100,
});

const FILL_DAYS = 90;

// The query of a legend, which is the same for all dates.
export const lookQuery = ({ layer, expression, rescale }) => tileQuery({ ...DEFAULTS, layer, expression, rescale });

// The query of a tile; parameters only where they differ from the server's defaults, so that URLs stay short.
export function tileQuery(state) {
  const pairs = valuePairs(state);
  if (state.layer === "formula" && state.rescale) pairs.push(["rescale", state.rescale]);
  return queryString(pairs);
}

// The query of the values at a place, which have no look.
export const valueQuery = (state) => queryString(valuePairs(state));

function valuePairs(state) {
  const pairs = state.layer === "formula" ? [["expression", state.expression]] : [...LAYERS[state.layer].query];
  const oneDay = state.date && !state.fill;
  if (state.date) pairs.push(["datetime", oneDay ? state.date : `${addDays(state.date, -FILL_DAYS)}/${state.date}`]);
  if (oneDay) pairs.push(["cloud_cover", "100"]); // who asks for one day wants it as it was
  else if (state.clouds !== DEFAULTS.clouds) pairs.push(["cloud_cover", String(state.clouds)]);
  if (!state.mask && !LAYERS[state.layer].unmasked) pairs.push(["mask", "none"]);
  return pairs;
}

// As encodeURIComponent, but what may stand in a query stays readable.
export function queryString(pairs) {
  const encode = (text) => encodeURIComponent(text).replace(/%(2C|2F|3A)/g, decodeURIComponent);
  return pairs.length ? `?${pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&")}` : "";
}

// Dates are texts such as 2022-10-05, UTC throughout.
export function addDays(date, days) {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}

export const today = () => new Date().toISOString().slice(0, 10);

export function isDate(text) {
  const time = /^(19|20)\d\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
export const dayText = (date) => DAY.format(new Date(date));
export const daysText = (first, last) => DAY.formatRange(new Date(first), new Date(last));
