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

// How far the tiles are that are on their way, and what they wait for.
export function progressText({ waiting, asked, problems, upstream }) {
  const size = upstream.bytes ? ` · ${megabytes(upstream.bytes)}` : "";
  const count = `${asked - waiting} of ${asked} tiles${size}`;
  if (problems.length) return `${sentence(problems[0].message)} Trying again · ${count}`;
  const rate = upstream.rate === null ? "" : `: ${digits(upstream.rate)} Mbit/s`;
  if (upstream.isSlow) return `Waiting for the satellite archive${rate} · ${count}`;
  return `Reading pixels · ${count}`;
}

const sentence = (text) => /^.*?[.!?](?=\s|$)/.exec(text)?.[0] ?? text;
const digits = (number) => number.toFixed(number < 10 ? 1 : 0);
const megabytes = (bytes) => `${digits(bytes / 1e6)} MB`;

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
