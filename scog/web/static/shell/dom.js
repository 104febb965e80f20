// DOM helpers. Text is inserted as text, never as markup, as much of it comes from catalogues and the URL.

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** Creates an HTML element. Names with a dash and `role` are set as attributes, others as properties. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** Creates an SVG element with attributes. */
export function svgElement(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A function that calls `call` once it has not been called again for `milliseconds`. */
export function debounced(milliseconds, call) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...args), milliseconds);
  };
}

/** A CSS gradient from left to right, of CSS colours with optional stops. */
export const gradient = (colors) => `linear-gradient(to right, ${colors.join(", ")})`;

/** Media queries: no animations wanted; a phone's layout. */
export const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
export const narrowScreen = window.matchMedia("(max-width: 760px)");
