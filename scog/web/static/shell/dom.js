// What the page is made of. Text goes in as text, never as markup: much of it comes from elsewhere.

export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

// An element with properties (`className`, `type`), attributes where a name has a dash or is `role`, and children.
export function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

// The same of SVG, where all are attributes.
export function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Call after `milliseconds` without another call.
export function debounced(milliseconds, call) {
  let pause;
  return (...given) => {
    clearTimeout(pause);
    pause = setTimeout(() => call(...given), milliseconds);
  };
}

export const gradient = (colors) => `linear-gradient(to right, ${colors.join(", ")})`;

// What somebody may not want to see move.
export const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
export const narrow = window.matchMedia("(max-width: 760px)");
