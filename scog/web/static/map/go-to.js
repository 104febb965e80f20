// Going to a place that somebody writes down.
import { byId } from "../shell/dom.js";
import { parsePlace } from "./coordinates.js";
import { goTo } from "./map.js";

export function setUpGo(map) {
  const [button, form, field, problem] = ["go", "go-to", "go-text", "go-problem"].map(byId);
  const open = (is) => {
    form.hidden = !is;
    button.setAttribute("aria-expanded", String(is));
    say("");
    if (is) field.select();
    field.focus();
  };
  const say = (words) => {
    problem.textContent = words;
    field.setAttribute("aria-invalid", String(Boolean(words)));
  };
  button.addEventListener("click", () => open(form.hidden));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    open(false);
    button.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const place = parsePlace(field.value);
    if (!place)
      return say("Write latitude and longitude, such as 46.5, 11.35 or 46°30′N 11°21′E, or a square, such as 32TPS.");
    open(false);
    button.focus();
    goTo(map, place);
  });
}
