// The status line and the error message at the bottom of the map.
import { byId } from "./dom.js";

let dismissed = ""; // the last message that was dismissed

/** Shows the status line, or hides it for an empty text; `offerExtent` adds a button that zooms to the archive. */
export function showStatus(text, { busy, offerExtent = false }) {
  byId("status").classList.toggle("busy", busy);
  byId("status").classList.toggle("on", Boolean(text));
  if (text) byId("status").querySelector("span").textContent = text;
  byId("zoom-to-extent").hidden = !offerExtent;
  byId("map").setAttribute("aria-busy", String(busy));
}

/** Text of a loading progress (`ImageLayers.progress`). */
export function progressText({ waiting, requested, problems, upstream }) {
  const size = upstream.bytes ? ` · ${megabytes(upstream.bytes)}` : "";
  const count = `${requested - waiting} of ${requested} tiles${size}`;
  if (problems.length) return `${firstSentence(problems[0].message)} Retrying · ${count}`;
  const rate = upstream.rate === null ? "" : `: ${digits(upstream.rate)} Mbit/s`;
  if (upstream.isSlow) return `Waiting for the satellite archive${rate} · ${count}`;
  return `Reading pixels · ${count}`;
}

const firstSentence = (text) => /^.*?[.!?](?=\s|$)/.exec(text)?.[0] ?? text;
const digits = (number) => number.toFixed(number < 10 ? 1 : 0);
const megabytes = (bytes) => `${digits(bytes / 1e6)} MB`;

/** Shows an error, unless one is shown already or the same text was dismissed. */
export function showError({ message }) {
  if (!byId("error").hidden || message === dismissed) return;
  byId("error").querySelector("p").textContent = message;
  byId("error").hidden = false;
}

/** Hides the error; later ones are shown, even with a text that was dismissed. */
export function clearError() {
  dismissed = "";
  byId("error").hidden = true;
}

/** Connects the buttons that dismiss the error and that retry. */
export function onRetry(retry) {
  byId("dismiss").addEventListener("click", () => {
    dismissed = byId("error").querySelector("p").textContent;
    byId("error").hidden = true;
  });
  byId("retry").addEventListener("click", () => {
    clearError();
    retry();
  });
}
