// The buttons beside the map, and clicks and keys on it.
import { canonical, layerToCompare } from "../layer/collections.js";
import { DEFAULT_IMAGE } from "../layer/image-request.js";
import { byId } from "../shell/dom.js";
import { DEFAULT_STATE } from "../shell/state.js";

/** Connects them; `showAll` zooms to the archive's extent. */
export function setUpToolbar(map, store, draw, showAll) {
  byId("full-extent").addEventListener("click", showAll);
  byId("zoom-to-extent").addEventListener("click", showAll);
  byId("footprints").addEventListener("click", () => store.change({ footprints: !store.state.footprints }));
  byId("reset").addEventListener("click", () => store.change(resetState(store)));
  byId("swipe").addEventListener("click", () => store.change(toggleSwipe(store.state)));
  for (const kind of ["keydown", "pointerdown"]) {
    // The focus ring of the map is shown to keyboard users only.
    document.addEventListener(kind, () => document.body.classList.toggle("keys", kind === "keydown"), true);
  }
  map.on("click", ({ latlng }) => {
    if (draw.isActive) return draw.add(latlng);
    const { lng, lat } = latlng.wrap();
    return store.change({ selection: { point: [lng, lat].map((degrees) => Number(degrees.toFixed(6))) } });
  });
  byId("map").addEventListener("keydown", ({ key, target }) => {
    if (target !== byId("map")) return;
    if (key === "Enter") map.fire("click", { latlng: map.getCenter() });
    if (key === "Escape" && store.state.selection) store.change({ selection: null });
  });
}

// Everything but the collection and the selection.
function resetState({ state, image: { collection } }) {
  return { ...DEFAULT_STATE, sides: [Object.freeze({ ...DEFAULT_IMAGE, collection })], selection: state.selection };
}

// Splits one image into two, colours beside an index or the default layer beside colours; or keeps the selected one.
function toggleSwipe({ sides, side }) {
  if (sides.length === 2) return { sides: [sides[side]], side: 0 };
  const { collection, time } = sides[0];
  const other = { ...DEFAULT_IMAGE, ...layerToCompare(sides[0]), collection, time };
  return { sides: [sides[0], Object.freeze({ ...canonical(other) })], side: 1 };
}
