// The page at `/`: creates its components and passes them the application state.
/* global L */
import { AnalyseTab } from "../analyse/analyse-tab.js";
import { DrawTool } from "../analyse/draw-tool.js";
import { boundsOf } from "../analyse/geojson.js";
import { SelectionPanel } from "../analyse/selection-panel.js";
import { CollectionPicker, inCollection } from "../layer/collection-picker.js";
import { collectionOf, isLoaded, loadCollection, loadIndices } from "../layer/collections.js";
import { ColormapPicker } from "../layer/colormap-picker.js";
import { ExportTab } from "../layer/export-tab.js";
import { ExpressionEditor } from "../layer/expression-editor.js";
import { ImageControls } from "../layer/image-controls.js";
import { LayerPicker } from "../layer/layer-picker.js";
import { StylePanel } from "../layer/style-panel.js";
import { addBasemap, addLand } from "../map/basemap.js";
import { Footprints } from "../map/footprints.js";
import { setUpGoTo } from "../map/go-to.js";
import { Graticule } from "../map/graticule.js";
import { ImageLayers } from "../map/image-layers.js";
import { createMap, currentView, freePadding, goTo, visibleBox } from "../map/map.js";
import { Swipe } from "../map/swipe.js";
import { setUpToolbar } from "../map/toolbar.js";
import { Acquisitions } from "../time/acquisitions.js";
import { Dock } from "../time/dock.js";
import { byId, debounced, narrowScreen } from "./dom.js";
import { requestJson } from "./http.js";
import { clearError, onRetry, progressText, showError, showStatus } from "./messages.js";
import { isOpen, setUpPanel } from "./panel.js";
import { Store } from "./state.js";
import { readHash, writeHash } from "./url-hash.js";

const DEMO_ATTRIBUTION = "Synthetic data of scog's demo";
const SEARCH_DELAY = 300; // milliseconds after the map has stopped moving

const initial = readHash(location.hash);
const store = new Store(initial.state);
let shown = null; // the collection of the image that the controls edit, once it is loaded
let opening = 0; // collections that are being loaded
let chosen = null; // the name of the last one that was chosen
let searching = false;
let hasLand = false;

const map = createMap();
const outline = L.layerGroup().addTo(map);
const imageLayers = new ImageLayers(map, (problem) => tilesChanged(problem));
const acquisitions = new Acquisitions({
  onChange: () => showTime(),
  onSearching: (is) => ((searching = is), showProgress()),
  onError: showError,
});
const isBusy = () => imageLayers.progress().waiting > 0;
const collectionPicker = new CollectionPicker(store, chooseCollection);
const layerPicker = new LayerPicker(store);
const imageControls = new ImageControls(store);
const expressionEditor = new ExpressionEditor(store, showError);
const dock = new Dock(store, acquisitions, isBusy);
const stylePanel = new StylePanel(map, store, new ColormapPicker(store), {
  isVisible: () => isOpen("layer"),
  onLegend: (legend) => selectionPanel.setRange(legend?.kind === "ramp" ? legend.range : null),
  onError: (problem, image) =>
    image.kind === "expression" ? expressionEditor.showProblem(problem, image.name) : showError(problem),
});
const swipe = new Swipe(map, imageLayers.panes, store);
const footprints = new Footprints(map);
const exportTab = new ExportTab();
const timelineRange = () => acquisitions.timeRange(store.state);
const selectionPanel = new SelectionPanel(map, store, dock.timeline, timelineRange);
const drawTool = new DrawTool(map, (area) => store.change({ selection: { area } }));
const analyseTab = new AnalyseTab(store, drawTool, {
  visibleBounds: () => visibleBox(map, shown.tilejson.bounds) ?? shown.tilejson.bounds,
  timeRange: timelineRange,
  unit: () => stylePanel.legend?.unit,
  onError: showError,
  onArea: (area) => {
    const [west, south, east, north] = boundsOf(area);
    map.fitBounds(L.latLngBounds([south, west], [north, east]), { ...freePadding(), animate: false });
    store.change({ selection: { area } });
  },
});

// ---- state to page

function show(state, previous) {
  const image = state.sides[state.side];
  const imageChanged = !previous || image !== previous.sides[previous.side] || state.side !== previous.side;
  if (imageChanged) {
    collectionPicker.show(image);
    layerPicker.show(image);
    imageControls.show(image);
    expressionEditor.show(image);
  }
  if (imageChanged || state.sides !== previous.sides || state.divider !== previous.divider) swipe.show(state);
  byId("footprints").setAttribute("aria-pressed", String(state.footprints));
  if (!state.sides.every(isLoaded)) return openCollections();
  const isOther = shown?.name !== collectionOf(image).name;
  shown = collectionOf(image);
  updateHash();
  if (!previous || state.sides !== previous.sides) showImages(state, previous);
  if (imageChanged) stylePanel.show(image).then(() => updateWhenIdle());
  if (isOther) showCollection();
  else if (previous && (state.span !== previous.span || state.until !== previous.until)) searchAcquisitions();
  showTime();
}

// Requests no tile of a new expression before the server has accepted it.
async function showImages({ sides }, previous) {
  if (previous) clearError();
  for (const side of [0, 1]) {
    const image = sides[side] ?? null;
    if (image?.kind === "expression" && image.name !== previous?.sides[side]?.name) {
      const isValid = side === store.state.side ? await stylePanel.show(image) : true;
      if (store.state.sides !== sides) return;
      if (!isValid) {
        imageLayers.show(side, null);
        continue;
      }
    }
    imageLayers.show(side, image);
  }
}

function tilesChanged(problem) {
  if (problem) showError(problem);
  showProgress();
}

// ---- collections

// Loads the collections of the images, and then shows these.
async function openCollections() {
  const { sides } = store.state;
  opening += 1;
  showProgress();
  try {
    await Promise.all(sides.map(({ collection }) => loadCollection(collection)));
  } catch (problem) {
    if (sides === store.state.sides) showError(problem);
  }
  opening -= 1;
  showProgress();
  if (sides !== store.state.sides || !sides.every(isLoaded)) return; // a later change loads its own
  const isFirst = !shown;
  if (isFirst) start();
  show(store.state, null);
  if (isFirst) showCollection();
}

// What belongs to the collection rather than to one of its images.
function showCollection() {
  byId("demo-notice").hidden = shown.tilejson.attribution !== DEMO_ATTRIBUTION;
  outline.clearLayers();
  const style = { className: "outline", interactive: false, fill: false };
  if (!isWorld()) L.rectangle(archiveBounds(), style).addTo(outline);
  acquisitions.clear();
  searchAcquisitions();
  // Tiles have priority, but on a slow line the panel waits for them at most a second.
  let loading = null;
  const loadOnce = () => (loading ??= loadListings());
  if (isBusy()) imageLayers.shown.find(Boolean)?.layer.once("load", loadOnce);
  setTimeout(loadOnce, isBusy() ? 1000 : 0);
}

function loadListings() {
  const once = hasLand ? [] : [addLand(map)];
  hasLand = true;
  return Promise.all([showAllLayers(), imageControls.load(), collectionPicker.load().then(showTime), ...once]).catch(
    showError,
  );
}

async function showAllLayers() {
  const { name } = shown;
  await loadIndices(name);
  if (store.image.collection !== name) return;
  shown = collectionOf(store.image);
  layerPicker.show(store.image);
  stylePanel.show(store.image);
}

// Shows another collection. The view stays if some of the collection is in it.
async function chooseCollection(name) {
  chosen = name;
  if (name === store.image.collection) return;
  opening += 1;
  showProgress();
  const part = await inCollection(store.image, name).catch(showError);
  opening -= 1;
  if (part && chosen === name) {
    store.changeImage(part);
    if (store.state.sides.length === 1 && !archiveBounds().intersects(map.getBounds())) showAll();
  }
  showProgress();
}

// ---- status line and time

function showProgress() {
  if (opening || !shown) return showStatus(opening && shown ? "Opening the collection" : "", { busy: opening > 0 });
  const { tilejson } = shown;
  const { waiting, ...progress } = imageLayers.progress();
  const isOutside = !archiveBounds().intersects(map.getBounds());
  const isBelowMinZoom = map.getZoom() < tilejson.minzoom;
  let text = "";
  if (isBelowMinZoom) text = "Zoom in to see images";
  else if (isOutside) text = "This archive does not cover the visible area";
  else if (waiting) text = progressText({ waiting, ...progress });
  else if (searching) text = "Searching the catalogue";
  showStatus(text, {
    busy: !isBelowMinZoom && (searching || waiting > 0),
    offerExtent: isOutside || (isBelowMinZoom && !isWorld()),
  });
  if (!waiting) updateWhenIdle();
  scheduleShowTime();
}

// The text also depends on how long nothing has arrived.
setInterval(() => isBusy() && showProgress(), 1000);

// At most once per frame, however many tiles load in it.
let isScheduled = false;
function scheduleShowTime() {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    showTime();
  });
}

function showTime() {
  const { state } = store;
  const { used, skipped, details } = imageLayers.scenes(state.side);
  const usedDates = [...new Set([...used].map((id) => acquisitions.dateOf.get(id)).filter(Boolean))].sort();
  dock.show(state, { usedDates, skipped: skipped.size, details: [...details].join("\n") });
  const titles = [byId("shown-time").textContent, collectionPicker.title];
  byId("title-time").textContent = titles.filter(Boolean).join(" · ");
  selectionPanel.show(state, isLoaded(store.image) && (Boolean(acquisitions.newest) || !searching));
  analyseTab.show(state, store.image, isOpen("analyse") && !isBusy());
  footprints.show(state.footprints, acquisitions, state.sides[state.side].time, used);
}

// Requests of lower priority than tiles.
const updateWhenIdle = debounced(150, () => {
  if (!shown || isBusy()) return;
  stylePanel.updateValues(shown.tilejson);
  if (isOpen("export")) exportTab.show(store.image, shown.tilejson, currentView(map));
});

// ---- map

const isWorld = () => shown.tilejson.bounds[2] - shown.tilejson.bounds[0] > 90;

function archiveBounds() {
  const [west, south, east, north] = shown.tilejson.bounds;
  return L.latLngBounds([south, west], [north, east]);
}

function showAll() {
  const { tilejson } = shown;
  if (isWorld()) return goTo(map, { zoom: tilejson.center[2], lat: tilejson.center[1], lon: tilejson.center[0] });
  return map.fitBounds(archiveBounds(), { ...freePadding(), animate: false });
}

function updateHash() {
  history.replaceState(null, "", writeHash(store.state, currentView(map)));
}

// Lists the acquisitions of the visible part of the archive.
function searchAcquisitions() {
  const { name, isStatic, tilejson } = shown;
  const box = visibleBox(map, tilejson.bounds);
  if (box && !isStatic && map.getZoom() >= tilejson.minzoom) acquisitions.search(box, store.state, name);
}

const searchAfterMove = debounced(SEARCH_DELAY, searchAcquisitions);
map.on("moveend", () => {
  if (!shown) return;
  updateHash();
  showProgress();
  searchAfterMove();
});

window.addEventListener("hashchange", () => {
  const { state, view } = readHash(location.hash);
  if (view) goTo(map, view);
  store.change(state);
});
onRetry(() => {
  if (!shown || !store.state.sides.every(isLoaded)) return openCollections();
  searchAcquisitions();
  imageLayers.reload();
  return loadListings();
});

// ---- start

// Sets the CSS variables of the space that panel and dock take, in pixels.
function updateLayout() {
  const { style } = document.documentElement;
  const panel = byId("panel").getBoundingClientRect();
  style.setProperty("--sheet", `${panel.height}px`);
  style.setProperty("--left", `${narrowScreen.matches ? 0 : panel.right}px`);
  const dockTop = byId("dock").getBoundingClientRect().top || window.innerHeight; // an open sheet hides the dock
  const top = narrowScreen.matches ? Math.min(panel.top, dockTop) : dockTop;
  style.setProperty("--bottom", `${window.innerHeight - top}px`);
}

// Once, when the first collection is loaded.
function start() {
  shown = collectionOf(store.image);
  if (initial.view) goTo(map, initial.view);
  else showAll();
  new Graticule(map);
  addBasemap(map);
}

setUpPanel(map, () => (showTime(), updateWhenIdle()));
setUpGoTo(map);
setUpToolbar(map, store, drawTool, showAll);
store.subscribe(show);
show(store.state, null);
updateLayout();
[byId("panel"), byId("dock")].forEach((card) => new ResizeObserver(updateLayout).observe(card));
window.addEventListener("resize", updateLayout);
if (!store.state.sides.every(({ collection }) => collection === ""))
  loadCollection("").catch(() => {}); // which the page preloads
