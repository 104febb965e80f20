// The map at `/`: one state, shown by the map and by the panel, kept in the URL's hash.
/* global L */
import { Dates } from "./dates.js";
import { byId } from "./dom.js";
import { lookQuery, tileQuery, valueQuery } from "./layers.js";
import { forgetTrouble, onRetry, say, showTrouble } from "./messages.js";
import * as panel from "./panel.js";
import { Place } from "./place.js";
import { ask, askJson } from "./server.js";
import { readHash, writeHash } from "./state.js";
import { Tiles } from "./tiles.js";

const OSM = "https://tile.openstreetmap.org/{z}/{x}/{y}.png";
const OSM_CREDIT = '&copy; <a href="https://www.openstreetmap.org/copyright">OpenStreetMap contributors</a>';
const MADE_UP = "Made-up data of scog's demo";
const narrow = window.matchMedia("(max-width: 640px)");
const lively = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;

let { state, place: opensAt } = readHash(location.hash);
let served; // the TileJSON
let layer; // the tiles shown, or null
let searching = false;

const map = L.map("map", {
  zoomControl: false,
  minZoom: 3,
  maxZoom: 18,
  worldCopyJump: true,
  zoomAnimation: lively,
  fadeAnimation: lively,
});
map.attributionControl.setPrefix('<a href="https://leafletjs.com">Leaflet</a>');
L.control.zoom({ position: "topright" }).addTo(map);
L.control.scale({ position: "bottomright", imperial: false }).addTo(map);
L.tileLayer(OSM, { attribution: OSM_CREDIT, maxZoom: 19, className: "base" }).addTo(map);

const place = new Place(map);
const dates = new Dates(byId("dates"), byId("earlier"), {
  pick: (date) => change({ date }),
  searching: (is) => ((searching = is), showProgress()),
  failed: showTrouble,
});

// ---- from the state to the page

function change(part) {
  const before = tileQuery(state);
  state = { ...state, ...part };
  panel.show(state);
  dates.choose(state.date, state.clouds);
  rememberView();
  layer?.setOpacity(state.opacity / 100);
  if (served && (tileQuery(state) !== before || !layer)) draw();
}

// What was drawn stays until the server has understood the formula.
async function tryFormula(part) {
  if (await understood({ ...state, ...part })) change(part);
}

async function understood(wanted) {
  const problem = await ask(`tilejson.json${tileQuery(wanted)}`).then(() => null, (problem) => problem);
  if (problem && problem.status !== 400) showTrouble(problem);
  else panel.showFormulaProblem(problem, wanted.expression);
  return !problem;
}

async function draw() {
  const query = tileQuery(state);
  forgetTrouble();
  if (state.layer === "formula") {
    if (!(await understood(state))) return tileQuery(state) === query && replaceLayer(null);
    if (tileQuery(state) !== query) return;
  }
  const tiles = served.tiles[0].startsWith("/") ? location.origin + served.tiles[0] : served.tiles[0];
  askJson(`legend.json${lookQuery(state)}`).catch(() => null).then((legend) => {
    if (tileQuery(state) === query) panel.showLegend(legend);
  });
  panel.showLinks(tiles + query, tiles.replace(/\/tiles\/.*/, "/tilejson.json") + query);
  const [west, south, east, north] = served.bounds;
  replaceLayer(new Tiles(query, {
    bounds: [[south, west], [north, east]],
    minZoom: served.minzoom,
    maxNativeZoom: served.maxzoom,
    maxZoom: map.getMaxZoom(),
    opacity: state.opacity / 100,
    attribution: escaped(served.attribution),
    updateWhenZooming: false,
    className: "pixels",
  }, tilesChanged));
  place.refresh(valueQuery(state));
}

// The old layer stays until the new one has come, so that the map does not blink.
function replaceLayer(next) {
  const old = layer;
  layer = next;
  old?.freeze();
  if (!next) return old?.remove(), showProgress();
  old?.setZIndex(1);
  next.setZIndex(2).addTo(map);
  if (old) next.once("load remove", () => old.remove());
  if (!next.waiting()) old?.remove();
  showProgress();
}

function tilesChanged(problem) {
  if (problem) showTrouble(problem);
  showProgress();
}

// ---- what is under way, what is shown, what went wrong

function showProgress() {
  const waiting = layer?.waiting() ?? 0;
  const busy = searching || waiting > 0;
  const elsewhere = Boolean(served) && !bounds().intersects(map.getBounds());
  let text = "";
  if (layer && map.getZoom() < served.minzoom) text = `Zoom in: pictures begin at zoom ${served.minzoom}`;
  else if (elsewhere) text = "This archive covers another place";
  else if (searching) text = "Searching the catalogue";
  else if (waiting) text = `Reading pixels · ${layer.asked - waiting} of ${layer.asked} tiles`;
  say(text, { busy, wayBack: elsewhere });
  if (layer) showShown();
}

function showShown() {
  const { used, skipped } = layer.scenes();
  const known = [...used].map((id) => dates.dateOf.get(id)).filter(Boolean);
  panel.showDates([...new Set(known)].sort(), skipped.size, state);
}

onRetry(() => {
  if (!served) return open();
  look();
  return draw();
});
byId("there").addEventListener("click", () => showAll());

// ---- the map

function bounds() {
  const [west, south, east, north] = served.bounds;
  return L.latLngBounds([south, west], [north, east]);
}

function showAll() {
  const covered = byId("panel").getBoundingClientRect();
  map.fitBounds(bounds(), narrow.matches
    ? { paddingTopLeft: [16, 60], paddingBottomRight: [16, window.innerHeight - covered.top + 16] }
    : { paddingTopLeft: [covered.right + 16, 32], paddingBottomRight: [32, 32] });
}

function goTo({ zoom, lat, lon }) {
  map.setView([lat, lon], zoom, { animate: false });
}

function viewed() {
  const center = map.getCenter().wrap();
  return { zoom: map.getZoom(), lat: center.lat, lon: center.lng };
}

function rememberView() {
  history.replaceState(null, "", writeHash(state, viewed()));
}

// List the dates of the view; where it leaves the archive or the world, of what is left.
function look() {
  const view = map.getBounds();
  const [west, south, east, north] = served.bounds;
  const box = [
    Math.max(view.getWest(), west),
    Math.max(view.getSouth(), south),
    Math.min(view.getEast(), east),
    Math.min(view.getNorth(), north),
  ];
  if (map.getZoom() < served.minzoom || box[0] >= box[2] || box[1] >= box[3]) return;
  dates.look(box.map((degrees) => degrees.toFixed(4)).join(","));
}

let pause;
map.on("moveend", () => {
  if (!served) return;
  rememberView();
  showProgress();
  clearTimeout(pause);
  pause = setTimeout(look, 300);
});
map.on("click", ({ latlng }) => place.show(latlng, valueQuery(state)));
byId("map").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target === byId("map")) place.show(map.getCenter(), valueQuery(state));
});
window.addEventListener("hashchange", () => {
  const { state: wanted, place: there } = readHash(location.hash);
  if (there) goTo(there);
  change(wanted);
});

// Leaflet takes attributions as markup, and this one is the server's.
function escaped(text) {
  const span = document.createElement("span");
  span.textContent = text ?? "";
  return span.innerHTML;
}

// ---- the beginning

async function open() {
  panel.show(state);
  try {
    served = await askJson("tilejson.json");
  } catch (problem) {
    showTrouble(problem);
    return;
  }
  const [west, , east] = served.bounds;
  const [lon, lat, zoom] = served.center;
  const isWorld = east - west > 90;
  byId("made-up").hidden = served.attribution !== MADE_UP;
  if (opensAt) goTo(opensAt);
  else if (isWorld) goTo({ zoom, lat, lon });
  else showAll();
  if (!isWorld) L.rectangle(bounds(), { className: "outline", interactive: false, fill: false }).addTo(map);
  dates.choose(state.date, state.clouds);
  clearTimeout(pause);
  look();
  draw();
}

function fitPanel() {
  const height = narrow.matches ? byId("panel").offsetHeight : 0;
  document.documentElement.style.setProperty("--sheet", `${height}px`);
  place.popup.options.autoPanPaddingTopLeft = narrow.matches ? [16, 72] : [byId("panel").offsetWidth + 32, 24];
  place.popup.options.autoPanPaddingBottomRight = narrow.matches ? [16, height + 16] : [64, 24];
}

panel.setUp(change, tryFormula);
panel.fold(narrow.matches);
fitPanel();
new ResizeObserver(fitPanel).observe(byId("panel"));
open();
