// The form that goes to coordinates or to an MGRS tile.
import { byId } from "../shell/dom.js";
import { parsePlace } from "./coordinates.js";
import { goTo } from "./map.js";

/** Connects the button and form to the map. */
export function setUpGoTo(map) {
  const [button, form, field, error] = ["go-to-button", "go-to", "go-to-text", "go-to-error"].map(byId);
  const toggle = (isOpen) => {
    form.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    showError("");
    if (isOpen) field.select();
    field.focus();
  };
  const showError = (text) => {
    error.textContent = text;
    field.setAttribute("aria-invalid", String(Boolean(text)));
  };
  button.addEventListener("click", () => toggle(form.hidden));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    toggle(false);
    button.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const location = parsePlace(field.value);
    if (!location)
      return showError(
        "Enter latitude and longitude, such as 46.5, 11.35 or 46°30′N 11°21′E, or an MGRS tile, such as 32TPS.",
      );
    toggle(false);
    button.focus();
    goTo(map, location);
  });
}
