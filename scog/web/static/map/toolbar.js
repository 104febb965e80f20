// What is pressed beside the map and on it.
import { PICTURE, unmasked } from "../layer/image-request.js";
import { byId } from "../shell/dom.js";
import { STATE } from "../shell/state.js";

// `showAll` goes to where there is something.
export function setUpTools(map, store, draw, showAll) {
  byId("home").addEventListener("click", showAll);
  byId("there").addEventListener("click", showAll);
  byId("footprints").addEventListener("click", () => store.change({ footprints: !store.state.footprints }));
  byId("reset").addEventListener("click", () => store.change({ ...STATE, at: store.state.at }));
  byId("swipe").addEventListener("click", () => store.change(divided(store.state)));
  for (const kind of ["keydown", "pointerdown"]) {
    // A ring around the map is for those who go by keys.
    document.addEventListener(kind, () => document.body.classList.toggle("keys", kind === "keydown"), true);
  }
  map.on("click", ({ latlng }) => {
    if (draw.on) return draw.add(latlng);
    const { lng, lat } = latlng.wrap();
    return store.change({ at: { point: [lng, lat].map((degrees) => Number(degrees.toFixed(6))) } });
  });
  byId("map").addEventListener("keydown", ({ key, target }) => {
    if (target !== byId("map")) return;
    if (key === "Enter") map.fire("click", { latlng: map.getCenter() });
    if (key === "Escape" && store.state.at) store.change({ at: null });
  });
}

// Two pictures of what was one, colours beside numbers; or the chosen one of two.
function divided({ sides, side }) {
  if (sides.length === 2) return { sides: [sides[side]], side: 0 };
  const isColour = sides[0].kind === "bands" || unmasked(sides[0]);
  const other = isColour ? {} : { kind: "bands", name: "true-color" };
  return { sides: [sides[0], Object.freeze({ ...PICTURE, ...other, time: sides[0].time })], side: 1 };
}
