// The two handles on the legend: dragged, or moved by the arrow keys.
import { make } from "../shell/dom.js";
import { numberText, rounded } from "../shell/number-format.js";

const STEPS = 100; // from one end of the axis to the other
const NAMES = ["Value of the first colour", "Value of the last colour"];

export class Stretch {
  constructor(take) {
    this.take = take;
  }

  handles(range, axis) {
    const span = axis[1] - axis[0];
    return range.map((value, end) => {
      const handle = make("div", {
        className: "handle",
        role: "slider",
        tabIndex: 0,
        "aria-label": NAMES[end],
        "aria-orientation": "horizontal",
        "aria-valuemin": String(rounded(axis[0], span)),
        "aria-valuemax": String(rounded(axis[1], span)),
        "aria-valuenow": String(value),
        "aria-valuetext": numberText(value),
      });
      handle.dataset.end = end;
      handle.style.left = `${(100 * (value - axis[0])) / span}%`;
      const move = (wanted) => {
        const ends = [...range];
        ends[end] = rounded(Math.min(axis[1], Math.max(axis[0], wanted)), span);
        if (ends[0] < ends[1] && ends[end] !== range[end]) this.take(ends);
      };
      handle.addEventListener("keydown", (event) => {
        const step = (event.shiftKey ? 10 : 1) * (span / STEPS);
        const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(value + by);
      });
      handle.addEventListener("pointerdown", (event) => drag(event, handle, axis, move));
      return handle;
    });
  }
}

// The handle follows; the range is taken when it is let go of, as each takes new tiles.
function drag(event, handle, axis, move) {
  event.preventDefault();
  handle.focus();
  handle.setPointerCapture(event.pointerId);
  const track = handle.parentElement.getBoundingClientRect();
  let share;
  const follow = ({ clientX }) => {
    share = Math.min(1, Math.max(0, (clientX - track.left) / track.width));
    handle.style.left = `${100 * share}%`;
  };
  handle.addEventListener("pointermove", follow);
  handle.addEventListener(
    "lostpointercapture",
    () => {
      handle.removeEventListener("pointermove", follow);
      if (share !== undefined) move(axis[0] + share * (axis[1] - axis[0]));
    },
    { once: true },
  );
}
