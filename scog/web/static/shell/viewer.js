// The page at `/`: makes its parts, and tells each what the one state has become.
/* global L */
import { Analyse } from "../analyse/analyse-tab.js";
import { Draw } from "../analyse/draw-tool.js";
import { boxOf } from "../analyse/geojson.js";
import { Asked } from "../analyse/selection-panel.js";
import { Colormaps } from "../layer/colormap-picker.js";
import { Share } from "../layer/export-tab.js";
import { Formula } from "../layer/expression-editor.js";
import { Filters } from "../layer/image-controls.js";
import { Layers } from "../layer/layer-picker.js";
import { Looks } from "../layer/style-panel.js";
import { addBasemap, addLand } from "../map/basemap.js";
import { Footprints } from "../map/footprints.js";
import { setUpGo } from "../map/go-to.js";
import { Graticule } from "../map/graticule.js";
import { Pictures } from "../map/image-layers.js";
import { createMap, free, goTo, seen, viewed } from "../map/map.js";
import { Swipe } from "../map/swipe.js";
import { setUpTools } from "../map/toolbar.js";
import { Acquisitions } from "../time/acquisitions.js";
import { Dock } from "../time/dock.js";
import { byId, debounced, narrow } from "./dom.js";
import { askJson } from "./http.js";
import { forgetTrouble, onRetry, progressText, say, showTrouble } from "./messages.js";
import { isOpen, setUpPanel } from "./panel.js";
import { Store } from "./state.js";
import { readHash, writeHash } from "./url-hash.js";

const MADE_UP = "Made-up data of scog's demo";
const LOOK = 300; // milliseconds after the map has come to rest

const opening = readHash(location.hash);
const store = new Store(opening.state);
let served; // the TileJSON
let searching = false;

const map = createMap();
const pictures = new Pictures(map, (problem) => tilesChanged(problem));
const acquisitions = new Acquisitions({
  changed: () => showTime(),
  searching: (is) => ((searching = is), showProgress()),
  failed: showTrouble,
});
const isBusy = () => pictures.progress().waiting > 0;
const layers = new Layers(store);
const filters = new Filters(store);
const formula = new Formula(store, showTrouble);
const dock = new Dock(store, acquisitions, isBusy);
const looks = new Looks(map, store, new Colormaps(store), {
  wanted: () => isOpen("layer"),
  told: (legend) => asked.stretch(legend?.kind === "ramp" ? legend.range : null),
  failed: (problem, picture) =>
    picture.kind === "expression" ? formula.explain(problem, picture.name) : showTrouble(problem),
});
const swipe = new Swipe(map, pictures.panes, store);
const footprints = new Footprints(map);
const share = new Share();
const timeLine = () => acquisitions.window(store.state);
const asked = new Asked(map, store, dock.line, timeLine);
const draw = new Draw(map, (area) => store.change({ at: { area } }));
const analyse = new Analyse(store, draw, {
  view: () => seen(map, served.bounds) ?? served.bounds,
  window: timeLine,
  failed: showTrouble,
  found: (area) => {
    const [west, south, east, north] = boxOf(area);
    map.fitBounds(L.latLngBounds([south, west], [north, east]), { ...free(), animate: false });
    store.change({ at: { area } });
  },
});

// ---- from the state to the page

function show(state, before) {
  const picture = state.sides[state.side];
  const anew = !before || picture !== before.sides[before.side] || state.side !== before.side;
  if (anew) {
    layers.show(picture);
    filters.show(picture);
    formula.show(picture);
  }
  if (anew || state.sides !== before.sides || state.divider !== before.divider) swipe.show(state);
  byId("footprints").setAttribute("aria-pressed", String(state.footprints));
  if (!served) return;
  rememberView();
  if (!before || state.sides !== before.sides) paint(state, before);
  if (anew) looks.show(picture).then(() => later());
  if (before && (state.span !== before.span || state.until !== before.until)) look();
  showTime();
}

// A formula is drawn once the server has understood it.
async function paint({ sides }, before) {
  if (before) forgetTrouble();
  for (const side of [0, 1]) {
    const picture = sides[side] ?? null;
    if (picture?.kind === "expression" && picture.name !== before?.sides[side]?.name) {
      const fine = side === store.state.side ? await looks.show(picture) : true;
      if (store.state.sides !== sides) return;
      if (!fine) {
        pictures.show(side, null);
        continue;
      }
    }
    pictures.show(side, picture);
  }
}

function tilesChanged(problem) {
  if (problem) showTrouble(problem);
  showProgress();
}

// ---- what is under way, what is shown

function showProgress() {
  if (!served) return;
  const { waiting, ...progress } = pictures.progress();
  const elsewhere = !bounds().intersects(map.getBounds());
  const far = map.getZoom() < served.minzoom;
  let text = "";
  if (far) text = "Zoom in to see pictures";
  else if (elsewhere) text = "This archive covers another place";
  else if (waiting) text = progressText({ waiting, ...progress });
  else if (searching) text = "Searching the catalogue";
  say(text, { busy: !far && (searching || waiting > 0), wayBack: elsewhere || (far && !isWorld()) });
  if (!waiting) later();
  showTimeSoon();
}

// What is waited for may become worth a word while nothing comes.
setInterval(() => isBusy() && showProgress(), 1000);

// Once a frame, however many tiles come in it.
let asksForTime = false;
function showTimeSoon() {
  if (asksForTime) return;
  asksForTime = true;
  requestAnimationFrame(() => {
    asksForTime = false;
    showTime();
  });
}

function showTime() {
  const { state } = store;
  const { used, skipped } = pictures.scenes(state.side);
  const known = [...new Set([...used].map((id) => acquisitions.dateOf.get(id)).filter(Boolean))].sort();
  dock.show(state, { known, skipped: skipped.size });
  byId("shown").textContent = byId("when").textContent;
  asked.show(state, Boolean(acquisitions.newest) || !searching);
  analyse.show(state, store.picture, isOpen("analyse") && !isBusy());
  footprints.show(state.footprints, acquisitions, state.sides[state.side].time, used);
}

// What can wait until the tiles are there.
const later = debounced(150, () => {
  if (!served || isBusy()) return;
  looks.read(served);
  if (isOpen("share")) share.show(store.picture, served, viewed(map));
});

// ---- the map

const isWorld = () => served.bounds[2] - served.bounds[0] > 90;

function bounds() {
  const [west, south, east, north] = served.bounds;
  return L.latLngBounds([south, west], [north, east]);
}

function showAll() {
  if (isWorld()) return goTo(map, { zoom: served.center[2], lat: served.center[1], lon: served.center[0] });
  return map.fitBounds(bounds(), { ...free(), animate: false });
}

function rememberView() {
  history.replaceState(null, "", writeHash(store.state, viewed(map)));
}

// List the acquisitions of the view; where it leaves the archive or the world, of what is left.
function look() {
  const box = seen(map, served.bounds);
  if (box && map.getZoom() >= served.minzoom) acquisitions.look(box, store.state);
}

const lookLater = debounced(LOOK, look);
map.on("moveend", () => {
  if (!served) return;
  rememberView();
  showProgress();
  lookLater();
});

// ---- what comes from elsewhere

window.addEventListener("hashchange", () => {
  const { state, place } = readHash(location.hash);
  if (place) goTo(map, place);
  store.change(state);
});
onRetry(() => {
  if (!served) return open();
  look();
  pictures.again();
  return layers.load().catch(showTrouble);
});

// ---- the beginning

function fit() {
  const { style } = document.documentElement;
  const panel = byId("panel").getBoundingClientRect();
  style.setProperty("--sheet", `${panel.height}px`);
  style.setProperty("--left", `${narrow.matches ? 0 : panel.right}px`);
  const dockTop = byId("dock").getBoundingClientRect().top || window.innerHeight; // a sheet that is open hides it
  style.setProperty("--bottom", `${window.innerHeight - (narrow.matches ? Math.min(panel.top, dockTop) : dockTop)}px`);
}

async function open() {
  try {
    served = await askJson("tilejson.json");
  } catch (problem) {
    showTrouble(problem);
    return;
  }
  pictures.serve(served);
  byId("made-up").hidden = served.attribution !== MADE_UP;
  if (opening.place) goTo(map, opening.place);
  else showAll();
  if (!isWorld()) L.rectangle(bounds(), { className: "outline", interactive: false, fill: false }).addTo(map);
  show(store.state, null);
  look();
  new Graticule(map);
  addBasemap(map);
  const load = () =>
    Promise.all([layers.load().then(() => looks.show(store.picture)), filters.load(), addLand(map)]).catch(showTrouble);
  // Tiles first, but on a slow line the panel need not stay bare until they are there.
  let loading = null;
  const loadOnce = () => (loading ??= load());
  if (isBusy()) pictures.shown.find(Boolean)?.layer.once("load", loadOnce);
  setTimeout(loadOnce, isBusy() ? 1000 : 0);
}

setUpPanel(map, () => (showTime(), later()));
setUpGo(map);
setUpTools(map, store, draw, showAll);
store.listen(show);
show(store.state, null);
fit();
[byId("panel"), byId("dock")].forEach((card) => new ResizeObserver(fit).observe(card));
window.addEventListener("resize", fit);
open();
