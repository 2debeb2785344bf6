// The image now, the clean one, and their difference, amplified.

import { html } from "./dom.js";
import { pictureAddress } from "./source.js";

const FACTORS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64];
const ALMOST_ALL = 0.99;
const loaded = new Map();

function pictureAt(path) {
  let found = loaded.get(path);
  if (!found) {
    found = new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve(image);
      image.onerror = () => resolve(null);
      image.src = pictureAddress(path) ?? "";
    });
    loaded.set(path, found);
    if (loaded.size > 300) loaded.delete(loaded.keys().next().value);
  }
  return found;
}

const nearestTo = (kept, iteration) => kept.reduce((best, at) => (Math.abs(at - iteration) < Math.abs(best - iteration) ? at : best), kept[0]);

export class Pictures {
  constructor(holder) {
    this.holder = holder;
    this.panes = ["now", "clean", "change"].map((kind) => {
      const canvas = html("canvas", { width: 1, height: 1, role: "img" });
      const text = html("figcaption");
      const figure = html("figure", { class: kind }, canvas, text);
      return { canvas, text, figure };
    });
    this.none = html("p", { class: "none", hidden: true }, "No images of this example were kept.");
    holder.append(...this.panes.map((pane) => pane.figure), this.none);
  }

  async show(n, example, iteration, steps) {
    const ticket = (this.ticket = {});
    const { kept } = example;
    this.none.hidden = kept.length > 0;
    for (const pane of this.panes) pane.figure.hidden = kept.length === 0;
    if (!kept.length) return;
    const nearest = nearestTo(kept, iteration);
    const [now, clean, last] = await Promise.all([nearest, kept[0], kept.at(-1)].map((at) => pictureAt(`images/${n}/${at}.png`)));
    if (this.ticket !== ticket) return;
    const name = (at) => (steps ? (at === 0 ? "clean" : `iteration ${at}`) : at === 0 ? "clean" : "adversarial");
    const [first, second, third] = this.panes;
    paint(first, now, nearest === iteration || !steps ? name(nearest) : `nearest kept: ${nearest === 0 ? "clean" : nearest}`, `Image at ${name(nearest)}`);
    first.figure.classList.toggle("near", nearest !== iteration && steps);
    paint(second, kept[0] === 0 ? clean : null, kept[0] === 0 ? "clean" : "the clean image was not kept", "Clean image");
    this.change(third, now, clean, last, kept[0] === 0 && kept.length > 1);
  }

  /** What was changed, times a factor that is the same at every iteration; gray is unchanged. */
  change(pane, now, clean, last, known) {
    if (!now || !clean || !last || !known) {
      paint(pane, null, "no difference known", "No difference known");
      return;
    }
    const [a, b, z] = [now, clean, last].map(pixelsOf);
    const sizes = Array.from({ length: z.data.length / 4 }, (_, k) => Math.max(...[0, 1, 2].map((c) => Math.abs(z.data[4 * k + c] - b.data[4 * k + c]))));
    const most = sizes.sort((p, q) => p - q)[Math.floor(ALMOST_ALL * (sizes.length - 1))] || 1;
    const factor = FACTORS.filter((each) => each * most <= 127).at(-1) ?? 1;
    const out = new ImageData(a.width, a.height);
    for (let k = 0; k < a.data.length; k += 1) out.data[k] = k % 4 === 3 ? 255 : 128 + factor * (a.data[k] - b.data[k]);
    Object.assign(pane.canvas, { width: a.width, height: a.height });
    pane.canvas.getContext("2d").putImageData(out, 0, 0);
    pane.text.textContent = factor === 1 ? "perturbation" : `perturbation × ${factor}`;
    pane.canvas.setAttribute("aria-label", `Perturbation, amplified ${factor} times; gray is unchanged`);
  }
}

function pixelsOf(image) {
  const canvas = html("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

function paint(pane, image, text, label) {
  Object.assign(pane.canvas, { width: image?.naturalWidth || 1, height: image?.naturalHeight || 1 });
  if (image) pane.canvas.getContext("2d").drawImage(image, 0, 0);
  pane.text.textContent = text;
  pane.canvas.setAttribute("aria-label", label);
}
