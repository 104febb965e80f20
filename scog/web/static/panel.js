// The controls: they show the state, and tell of what somebody changes in it.
import { byId, element } from "./dom.js";
import { LAYERS, dayText, daysText, isDate } from "./layers.js";

let shownExpression;

// Draw the choice of layers and listen to all controls but the dates. `change` gets the changed part of the state;
// `tryFormula` the part that is to be checked first.
export function setUp(change, tryFormula) {
  byId("layers").append(...Object.entries(LAYERS).map(layerChoice));
  byId("layers").addEventListener("change", ({ target }) => change({ layer: target.value }));
  byId("formula").addEventListener("submit", (event) => {
    event.preventDefault();
    const ends = [byId("low").value, byId("high").value];
    const usual = ends.map(Number).join() === LAYERS.formula.range.join();
    tryFormula({ expression: byId("expression").value.trim(), rescale: usual ? "" : ends.join(",") });
  });
  byId("expression").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    byId("formula").requestSubmit();
  });
  byId("go-to").addEventListener("change", ({ target }) => isDate(target.value) && change({ date: target.value }));
  for (const name of ["fill", "mask"]) {
    byId(name).addEventListener("change", ({ target }) => change({ [name]: target.checked }));
  }
  for (const name of ["clouds", "opacity"]) {
    const slider = byId(name);
    slider.addEventListener("input", () => {
      byId(`${name}-value`).textContent = `${slider.value} %`;
      if (name === "opacity") change({ opacity: Number(slider.value) });
    });
    if (name === "clouds") slider.addEventListener("change", () => change({ clouds: Number(slider.value) }));
  }
  document.querySelectorAll("[data-copies]").forEach((button) => button.addEventListener("click", () => copy(button)));
  document.querySelectorAll(".copy input").forEach((input) => input.addEventListener("focus", () => input.select()));
  byId("panel").querySelector("header").addEventListener("click", ({ target }) => {
    const isSheet = getComputedStyle(byId("panel")).bottom === "0px"; // all of its head opens it
    if (isSheet || byId("fold").contains(target)) fold(!byId("panel").classList.contains("folded"));
  });
}

export function fold(folded) {
  byId("panel").classList.toggle("folded", folded);
  byId("fold").setAttribute("aria-expanded", String(!folded));
}

// Show a state in all controls.
export function show(state) {
  const { title, name } = LAYERS[state.layer];
  byId("layer-title").textContent = `${title} `;
  byId("layer-title").append(element("small", name));
  document.querySelector(`#layers input[value="${state.layer}"]`).checked = true;
  byId("formula").hidden = state.layer !== "formula";
  if (shownExpression !== state.expression + state.rescale) {
    shownExpression = state.expression + state.rescale; // else leave alone what somebody is writing
    byId("expression").value = state.expression;
    [byId("low").value, byId("high").value] = state.rescale ? state.rescale.split(",") : LAYERS.formula.range;
  }
  byId("fill").checked = state.fill;
  byId("fill").disabled = !state.date;
  byId("go-to").value = state.date;
  byId("mask").checked = state.mask;
  byId("clouds").disabled = Boolean(state.date) && !state.fill;
  for (const slider of ["clouds", "opacity"]) {
    byId(slider).value = state[slider];
    byId(`${slider}-value`).textContent = `${state[slider]} %`;
  }
  if (byId("clouds").disabled) byId("clouds-value").textContent = "any";
  byId("mask").disabled = Boolean(LAYERS[state.layer].unmasked);
}

// What the colours mean, as the server tells; null while nothing is known of it.
export function showLegend(legend) {
  byId("legend").hidden = !legend || legend.kind === "channels";
  byId("classes").replaceChildren(...(legend?.classes ?? []).map(classLine));
  for (const part of ["ramp", "ticks"]) byId(part).hidden = legend?.kind !== "ramp";
  if (legend?.kind !== "ramp") return;
  const [low, high] = legend.range;
  byId("ramp").style.background = gradient(legend.colors);
  byId("ramp").setAttribute("aria-label", `Colours from ${low} to ${high}`);
  const ticks = low < 0 && high > 0 ? [low, 0, high] : [low, high];
  byId("ticks").replaceChildren(...ticks.map((value) => {
    const tick = element("span", String(value).replace("-", "−"));
    tick.style.setProperty("--at", `${(100 * (value - low)) / (high - low)}%`);
    return tick;
  }));
}

// Which dates the pixels in view come from, and how many scenes are missing.
export function showDates(dates, skipped, state) {
  let text = state.date ? dayText(state.date) : "Newest";
  if (dates.length) text = daysText(dates[0], dates.at(-1));
  if (skipped) text += ` · ${skipped} ${skipped === 1 ? "scene" : "scenes"} not readable`;
  byId("shown").textContent = text;
  byId("shown").title = dates.map(dayText).join(", ");
}

export function showLinks(tiles, tilejson) {
  byId("xyz").value = tiles;
  byId("tilejson").value = tilejson;
}

// What is wrong with the formula, with a mark under the place; null when nothing is.
export function showFormulaProblem(problem, expression) {
  const box = byId("formula-problem");
  box.replaceChildren();
  byId("expression").setAttribute("aria-invalid", String(Boolean(problem)));
  if (!problem) return;
  if (problem.parameter === "expression" && Number.isInteger(problem.position)) {
    const from = Math.max(0, problem.position - 18);
    const line = element("code", expression.slice(from, problem.position));
    line.append(element("mark", expression.slice(problem.position).match(/^(\w+|.)/)?.[0] ?? " "));
    line.append(expression.slice(problem.position).replace(/^(\w+|.)/, "").slice(0, 18));
    box.append(line);
  }
  const { message } = problem;
  box.append(element("p", message.charAt(0).toUpperCase() + message.slice(1) + (/[.?!]$/.test(message) ? "" : ".")));
  if (problem.valid) box.append(element("p", `Valid: ${problem.valid}.`, "hint"));
}

function classLine({ name, color }) {
  const line = element("li");
  const swatch = element("i");
  swatch.style.background = color;
  line.append(swatch, name);
  return line;
}

function layerChoice([key, { title, name, swatch: colors }]) {
  const label = element("label");
  const input = element("input");
  Object.assign(input, { type: "radio", name: "layer", value: key });
  const swatch = element("i", "", `swatch ${key}`);
  if (colors) swatch.style.background = gradient(colors.split(", ").map((color) => `#${color}`));
  const words = element("span", `${title} `);
  words.append(element("small", name));
  label.append(input, swatch, words);
  return label;
}

const gradient = (colors) => `linear-gradient(to right, ${colors.join(", ")})`;

async function copy(button) {
  const input = byId(button.dataset.copies);
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    document.execCommand("copy"); // pages without TLS may not use the clipboard otherwise
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
