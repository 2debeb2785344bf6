// The current view as one SVG, or as a PNG of it: what is seen is measured and drawn again.

import { svg } from "./dom.js";

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap", "opacity", "font-size", "font-family", "font-weight", "font-style", "text-anchor", "visibility", "paint-order"];

function styledCopy(node) {
  const copy = node.cloneNode(true);
  const [from, to] = [[node, ...node.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((each, place) => {
    const style = getComputedStyle(each);
    for (const name of KEPT) to[place].setAttribute(name, style.getPropertyValue(name));
    to[place].removeAttribute("class");
  });
  return copy;
}

const seen = (box, clip) => box.width > 0 && box.height > 0 && box.bottom > clip.top && box.top < clip.bottom && box.right > clip.left && box.left < clip.right;

/** The part of an element that is not scrolled out of sight. */
function clipOf(node, whole) {
  let { top, bottom, left, right } = whole;
  for (let each = node.parentElement; each; each = each.parentElement) {
    if (getComputedStyle(each).overflowY === "visible") continue;
    const box = each.getBoundingClientRect();
    [top, bottom, left, right] = [Math.max(top, box.top), Math.min(bottom, box.bottom), Math.max(left, box.left), Math.min(right, box.right)];
  }
  return { top, bottom, left, right };
}

/** Whether nothing is cut off, but for a little: letters are lower than their line. */
function whole(box, clip) {
  const spare = 0.3 * (box.bottom - box.top);
  return seen(box, clip) && box.top > clip.top - spare && box.bottom < clip.bottom + spare;
}

/** The letters of a text, without the space around them. */
function lettersOf(node) {
  const range = document.createRange();
  const text = node.textContent;
  range.setStart(node, text.length - text.trimStart().length);
  range.setEnd(node, text.trimEnd().length);
  return range.getBoundingClientRect();
}

function addText(out, element, words, box, shift) {
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  out.append(svg("text", {
    x: box.left - shift.left, y: box.top - shift.top + box.height / 2 + size * 0.34, fill: style.color,
    "font-size": size, "font-family": style.fontFamily, "font-weight": style.fontWeight,
  }, words));
}

function addBox(out, node, shift) {
  const style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  const back = style.backgroundColor;
  const edged = parseFloat(style.borderTopWidth) > 0 && parseFloat(style.borderLeftWidth) > 0;
  const clear = back === "rgba(0, 0, 0, 0)" || back === "transparent";
  if (clear && !edged) return;
  out.append(svg("rect", {
    x: box.left - shift.left, y: box.top - shift.top, width: box.width, height: box.height, rx: parseFloat(style.borderTopLeftRadius) || 0,
    fill: clear ? "none" : back, stroke: edged ? style.borderTopColor : "none",
  }));
}

function addPicture(out, node, shift) {
  const box = node.getBoundingClientRect();
  let address = null;
  if (node instanceof HTMLCanvasElement) address = node.toDataURL();
  else if (node.complete && node.naturalWidth) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: node.naturalWidth, height: node.naturalHeight });
    canvas.getContext("2d").drawImage(node, 0, 0);
    address = canvas.toDataURL();
  }
  if (address) out.append(svg("image", { x: box.left - shift.left, y: box.top - shift.top, width: box.width, height: box.height, href: address, preserveAspectRatio: "none" }));
}

/** Everything inside the page's main part and header, as an SVG element. */
export function viewAsSvg() {
  const page = document.body.getBoundingClientRect();
  const [width, height] = [Math.round(page.width), Math.round(Math.max(innerHeight, page.height))];
  const shift = { left: page.left, top: page.top };
  const out = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` });
  out.append(svg("rect", { width, height, fill: getComputedStyle(document.body).backgroundColor }));
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      if (!node.textContent.trim()) return;
      const letters = lettersOf(node);
      if (whole(letters, clipOf(node, page))) addText(out, node.parentElement, node.textContent.trim(), letters, shift);
      return;
    }
    if (!(node instanceof Element) || node.matches("script, style, input, nav, dialog, #tip, #play, #track, #previous, #next, .skip, .unseen, [hidden]")) return;
    const box = node.getBoundingClientRect();
    if (!seen(box, clipOf(node, page))) return;
    if (node instanceof HTMLSelectElement) {
      addBox(out, node, shift);
      const inner = { left: box.left + 9, top: box.top, height: box.height };
      addText(out, node, node.selectedOptions[0]?.text ?? "", inner, shift);
      return;
    }
    if (node instanceof SVGSVGElement) {
      const copy = styledCopy(node);
      for (const [name, value] of Object.entries({ x: box.left - shift.left, y: box.top - shift.top, width: box.width, height: box.height })) copy.setAttribute(name, value);
      out.append(copy);
    } else if (node instanceof HTMLCanvasElement || node instanceof HTMLImageElement) {
      if (whole(box, clipOf(node, page))) addPicture(out, node, shift);
    }
    else {
      addBox(out, node, shift);
      node.childNodes.forEach(visit);
    }
  };
  document.body.childNodes.forEach(visit);
  return out;
}

function offer(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export function saveSvg(name) {
  offer(new Blob([new XMLSerializer().serializeToString(viewAsSvg())], { type: "image/svg+xml" }), `${name}.svg`);
}

export async function savePng(name) {
  const drawn = viewAsSvg();
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(drawn))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 2 * drawn.getAttribute("width"), height: 2 * drawn.getAttribute("height") });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => offer(blob, `${name}.png`), "image/png");
}
