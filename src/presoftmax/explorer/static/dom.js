// Elements. Names of classes, files and models only ever become text: nothing here reads HTML.

const SVG_SPACE = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

export const html = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG_SPACE, tag), attributes, children);

/** An SVG of this size in a holder, in place of what was there. */
export function drawing(holder, width, height, label) {
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  holder.replaceChildren(node);
  return node;
}

/** A text that keeps inside so many pixels; all of it in the tooltip. */
export function clipped(text, room, attributes) {
  const fits = Math.max(1, Math.floor(room / 6.1));
  const letters = Array.from(text);
  const node = svg("text", attributes, letters.length <= fits ? text : `${letters.slice(0, fits - 1).join("")}…`);
  if (letters.length > fits) node.append(svg("title", {}, text));
  return node;
}
