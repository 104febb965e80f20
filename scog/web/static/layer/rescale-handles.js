// The two handles on the legend that set the rescale range, moved by pointer or arrow keys.
import { make } from "../shell/dom.js";
import { formatNumber, roundToSpan } from "../shell/number-format.js";

const STEPS = 100; // key presses from one end of the axis to the other
const NAMES = ["Minimum of the rescale range", "Maximum of the rescale range"];

export class RescaleHandles {
  /** `onChange` is called with a new range `[low, high]`. */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** Elements for both ends of a range on an axis `[low, high]`. */
  create(range, axis) {
    const span = axis[1] - axis[0];
    return range.map((value, end) => {
      const handle = make("div", {
        className: "handle",
        role: "slider",
        tabIndex: 0,
        "aria-label": NAMES[end],
        "aria-orientation": "horizontal",
        "aria-valuemin": String(roundToSpan(axis[0], span)),
        "aria-valuemax": String(roundToSpan(axis[1], span)),
        "aria-valuenow": String(value),
        "aria-valuetext": formatNumber(value),
      });
      handle.dataset.end = end;
      handle.style.left = `${(100 * (value - axis[0])) / span}%`;
      const move = (target) => {
        const ends = [...range];
        ends[end] = roundToSpan(Math.min(axis[1], Math.max(axis[0], target)), span);
        if (ends[0] < ends[1] && ends[end] !== range[end]) this.onChange(ends);
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

// The handle follows the pointer; the range changes on release, as each change requests new tiles.
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
