// What is under way, and what went wrong.
import { byId } from "./dom.js";

let dismissed = ""; // what somebody has read already

// A line at the bottom of the map, or none where there is nothing to say.
export function say(text, { busy, wayBack = false }) {
  byId("status").classList.toggle("busy", busy);
  byId("status").classList.toggle("on", Boolean(text));
  if (text) byId("status").querySelector("span").textContent = text;
  byId("there").hidden = !wayBack;
  byId("map").setAttribute("aria-busy", String(busy));
}

// Show a problem once: not while one is shown, nor again what was dismissed.
export function showTrouble({ message }) {
  if (!byId("trouble").hidden || message === dismissed) return;
  byId("trouble").querySelector("p").textContent = message;
  byId("trouble").hidden = false;
}

// Begin anew: whatever goes wrong from here on is shown.
export function forgetTrouble() {
  dismissed = "";
  byId("trouble").hidden = true;
}

export function onRetry(retry) {
  byId("dismiss").addEventListener("click", () => {
    dismissed = byId("trouble").querySelector("p").textContent;
    byId("trouble").hidden = true;
  });
  byId("again").addEventListener("click", () => {
    forgetTrouble();
    retry();
  });
}
