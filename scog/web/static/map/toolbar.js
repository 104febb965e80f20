// The buttons beside the map, and clicks and keys on it.
import { DEFAULT_IMAGE, isClassification } from "../layer/image-request.js";
import { byId } from "../shell/dom.js";
import { DEFAULT_STATE } from "../shell/state.js";

/** Connects them; `showAll` zooms to the archive's extent. */
export function setUpToolbar(map, store, draw, showAll) {
  byId("full-extent").addEventListener("click", showAll);
  byId("zoom-to-extent").addEventListener("click", showAll);
  byId("footprints").addEventListener("click", () => store.change({ footprints: !store.state.footprints }));
  byId("reset").addEventListener("click", () => store.change({ ...DEFAULT_STATE, selection: store.state.selection }));
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

// Splits one image into two, true colour beside an index and NDVI beside colours; or keeps the selected one of two.
function toggleSwipe({ sides, side }) {
  if (sides.length === 2) return { sides: [sides[side]], side: 0 };
  const isColour = sides[0].kind === "bands" || isClassification(sides[0]);
  const other = isColour ? {} : { kind: "bands", name: "true-color" };
  return { sides: [sides[0], Object.freeze({ ...DEFAULT_IMAGE, ...other, time: sides[0].time })], side: 1 };
}
