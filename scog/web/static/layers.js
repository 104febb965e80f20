// What can be shown, how it looks, and the query that asks for it.

// Colours as the server paints them, evenly spaced from the lowest value to the highest.
export const RAMPS = {
  rdylgn: "a50026 d62f27 f46d43 fdad60 fee08b feffbe d9ef8b a5d86a 66bd63 199750 006837",
  rdbu: "67001f b1182b d6604d f3a481 fddbc7 f6f7f7 d1e5f0 90c4dd 4393c3 2065ab 053061",
  rdylbu: "a50026 d62f27 f46d43 fdad60 fee090 feffc0 e0f3f8 aad8e9 74add1 4574b3 313695",
  viridis:
    "440154 481467 482475 463480 414487 3b528b 355f8d 2f6c8e 2a788e 25838e 21918c " +
    "1e9d89 22a884 2fb47c 44bf70 5cc863 7ad151 9bd93c bddf26 dde318 fde725",
};

export const LAYERS = {
  ndvi: { title: "Vegetation", name: "NDVI", query: [], range: [-0.2, 0.9], ramp: "rdylgn" },
  true: { title: "True colour", name: "red, green, blue", query: [["bands", "red,green,blue"]] },
  ndwi: { title: "Water", name: "NDWI", query: [["index", "ndwi"]], range: [-0.8, 0.8], ramp: "rdbu" },
  ndmi: { title: "Moisture", name: "NDMI", query: [["index", "ndmi"]], range: [-0.6, 0.6], ramp: "rdylbu" },
  formula: { title: "Own formula", name: "of bands", range: [-1, 1], ramp: "viridis" },
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

// The gradient and the ends of a state's colours; null where red, green and blue are mixed.
export function legendOf(state) {
  const { range, ramp } = LAYERS[state.layer];
  if (!ramp || (state.layer === "formula" && state.expression.includes(";"))) return null;
  const given = state.layer === "formula" && state.rescale ? state.rescale.split(",").map(Number) : range;
  return { range: given, colors: RAMPS[ramp].split(" ").map((color) => `#${color}`) };
}

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
  if (!state.mask) pairs.push(["mask", "none"]);
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
