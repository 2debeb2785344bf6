// Every example as a dot: confidence against a strength that does not saturate.

import { byId, drawing, html, svg } from "./dom.js";
import { MEASURES, numberText } from "./format.js";
import { glide } from "./motion.js";
import { line, linear, rules, ticks, tickText } from "./plot.js";

const RAMP = ["#6a4fc8", "#a44fb0", "#d8577f", "#f28050", "#f5b73d"];
const MANY = 1500;
const MARGIN = { left: 46, right: 22, top: 14, bottom: 38 };
const NEAR = 14;

function mixed(part) {
  const place = Math.min(Math.max(part, 0), 1) * (RAMP.length - 1);
  const k = Math.min(Math.floor(place), RAMP.length - 2);
  const channel = (color, at) => parseInt(color.slice(1 + 2 * at, 3 + 2 * at), 16);
  const mix = [0, 1, 2].map((at) => Math.round(channel(RAMP[k], at) + (place - k) * (channel(RAMP[k + 1], at) - channel(RAMP[k], at))));
  return `rgb(${mix.join(",")})`;
}

/** The color of so many fooled victims of so many; null: none is fooled, which is drawn as a ring. */
export function fooledColor(fooled, victims) {
  if (!victims) return mixed(0.1);
  return fooled ? mixed(victims === 1 ? 1 : (fooled - 1) / (victims - 1)) : null;
}

export function drawLegend(victims) {
  const entries = [];
  const few = victims <= 6 ? Array.from({ length: victims + 1 }, (_, k) => k) : [0, 1, Math.round(victims / 2), victims];
  for (const k of victims ? few : []) {
    const color = fooledColor(k, victims);
    const dot = svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" },
      svg("circle", { cx: 6, cy: 6, r: 4.2, class: color ? "dot" : "dot ring", fill: color ?? "none" }));
    entries.push(html("span", {}, dot, k === 0 ? "none" : k === victims && k > 1 ? `all ${k}` : String(k)));
  }
  byId("legend").replaceChildren(html("b", {}, victims ? "victims fooled" : "no victims were asked"), ...entries);
}

export class Scatter {
  constructor(holder, overview, onPick, onSelect) {
    Object.assign(this, { holder, overview, onPick, onSelect, count: overview.examples.id.length });
    this.many = this.count > MANY;
    holder.classList.toggle("many", this.many);
    this.stop = () => {};
    holder.addEventListener("pointermove", (event) => this.moved(event));
    holder.addEventListener("pointerdown", (event) => this.pressed(event));
    holder.addEventListener("pointerup", (event) => this.released(event));
    holder.addEventListener("pointercancel", () => this.dropBox());
    holder.addEventListener("pointerleave", () => this.hover(null));
  }

  /** Scales, axes and the natural range, for a size and a strength. */
  frame(measure) {
    this.measure = measure;
    const width = Math.max(this.holder.clientWidth, 240);
    const height = Math.max(this.holder.clientHeight, 180);
    const natural = this.overview.natural.map((each) => each[measure]).filter(Boolean);
    const [low, high] = this.overview.extents[measure] ?? [0, 1];
    const pad = (high - low || 1) * 0.05;
    this.x = linear(0, 1, MARGIN.left, width - MARGIN.right);
    this.y = linear(low - pad, high + pad, height - MARGIN.bottom, MARGIN.top);
    const node = drawing(this.holder, width, height, `Confidence against ${MEASURES[measure]?.label ?? "strength"}, a dot for each example`);
    const [left, right, top, bottom] = [this.x(0), this.x(1), MARGIN.top, height - MARGIN.bottom];
    if (natural.length) this.band(node, natural, left, right, top, bottom);
    rules(node, ticks(low, high, 6), this.y, left, right);
    for (const value of [0, 0.25, 0.5, 0.75, 1]) {
      node.append(svg("text", { x: this.x(value), y: bottom + 16, class: "tick", "text-anchor": "middle" }, value === 1 ? "1.00" : tickText(value)));
    }
    node.append(
      svg("line", { x1: right, x2: right, y1: top, y2: bottom, class: "wall" }),
      svg("text", { x: (left + right) / 2, y: height - 6, class: "label confidence", "text-anchor": "middle" }, "softmax confidence"),
      svg("text", { x: left + 6, y: top + 10, class: "label", "text-anchor": "start" }, `↑ ${MEASURES[measure]?.label ?? ""}`),
    );
    this.most = high;
    this.beyond = svg("text", { x: right - 8, y: top + 10, class: "note", "text-anchor": "end" });
    this.dots = svg("g", { class: "dots" });
    this.path = svg("path", { class: "path" });
    this.past = svg("path", { class: "past" });
    this.chosen = svg("circle", { r: 10, class: "chosen" });
    this.boxed = svg("rect", { class: "box", visibility: "hidden" });
    node.append(this.beyond, this.path, this.past, this.dots, this.chosen, this.boxed);
    this.node = node;
    if (this.many) this.canvas(width, height);
    else {
      this.circles = Array.from({ length: this.count }, () => svg("circle", { r: this.count > 200 ? 4 : 5.5 }));
      this.dots.append(...this.circles);
    }
  }

  band(node, natural, left, right, top, bottom) {
    const low = Math.min(...natural.map((each) => each[0]));
    const high = Math.max(...natural.map((each) => each[2]));
    const [from, to] = [Math.max(top, this.y(high)), Math.min(bottom, this.y(low))];
    if (to <= from) return;
    node.append(
      svg("rect", { x: left, y: from, width: right - left, height: to - from, class: "band" }),
      svg("text", { x: left + 6, y: Math.max(from - 5, top + 24), class: "note" }, "natural images"),
    );
  }

  canvas(width, height) {
    this.surface = html("canvas", { "aria-hidden": "true" });
    const scale = devicePixelRatio || 1;
    this.surface.width = width * scale;
    this.surface.height = height * scale;
    this.holder.append(this.surface);
    this.pen = this.surface.getContext("2d");
    this.pen.scale(scale, scale);
  }

  /** Dots at an answer; they move there from where they are. */
  show(answer, visible, chosen, example, milliseconds) {
    this.stop();
    const from = this.now;
    this.answer = answer;
    this.visible = visible;
    this.index = chosen;
    const strengths = answer[this.measure] ?? [];
    const beyond = strengths.filter((value) => value > this.most).length;
    this.beyond.textContent = beyond ? `${beyond} above ${numberText(this.most, 0)}, drawn at the edge ↑` : "";
    const to = { c: answer.confidence, s: strengths.map((value) => (value > this.most ? this.most : value)) };
    this.trace(example, answer.iteration);
    const draw = (part) => this.place(from && from.measure === this.measure ? from : null, to, part);
    if (milliseconds && from && from.measure === this.measure) this.stop = glide(milliseconds, draw);
    else draw(1);
  }

  place(from, to, part) {
    const eased = part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part);
    const between = (a, b) => (b === null || b === undefined ? null : a === null || a === undefined || part === 1 ? b : a + (b - a) * eased);
    const now = { measure: this.measure, c: new Array(this.count), s: new Array(this.count) };
    for (let n = 0; n < this.count; n += 1) {
      now.c[n] = between(from?.c[n], to.c[n]);
      now.s[n] = between(from?.s[n], to.s[n]);
    }
    this.now = now;
    if (this.many) this.paint();
    else this.circles.forEach((circle, n) => this.style(circle, n));
    const known = now.c[this.index] != null && now.s[this.index] != null;
    this.chosen.setAttribute("visibility", known ? "visible" : "hidden");
    if (known) {
      this.chosen.setAttribute("cx", this.x(now.c[this.index]));
      this.chosen.setAttribute("cy", this.y(now.s[this.index]));
    }
  }

  style(circle, n) {
    const known = this.now.c[n] != null && this.now.s[n] != null;
    circle.setAttribute("visibility", known ? "visible" : "hidden");
    if (!known) return;
    const color = fooledColor(this.answer.fooled[n] ?? 0, this.overview.examples.victims[n]);
    circle.setAttribute("cx", this.x(this.now.c[n]).toFixed(2));
    circle.setAttribute("cy", this.y(this.now.s[n]).toFixed(2));
    circle.setAttribute("fill", color ?? "none");
    circle.setAttribute("class", `${color ? "dot" : "dot ring"}${this.visible.has(n) ? "" : " faint"}`);
  }

  paint() {
    const { pen, surface } = this;
    const style = getComputedStyle(document.documentElement);
    const ring = style.getPropertyValue("--muted");
    pen.clearRect(0, 0, surface.width, surface.height);
    for (let n = 0; n < this.count; n += 1) {
      if (this.now.c[n] == null || this.now.s[n] == null) continue;
      const color = fooledColor(this.answer.fooled[n] ?? 0, this.overview.examples.victims[n]);
      pen.globalAlpha = this.visible.has(n) ? 0.75 : 0.05;
      pen.beginPath();
      pen.arc(this.x(this.now.c[n]), this.y(this.now.s[n]), 2.6, 0, 7);
      if (color) {
        pen.fillStyle = color;
        pen.fill();
      } else {
        pen.strokeStyle = ring;
        pen.stroke();
      }
    }
  }

  /** The way of the chosen example: all of it faint, what is behind it strong. */
  trace(example, iteration) {
    const values = example?.[this.measure];
    if (!values) {
      this.path.setAttribute("d", "");
      this.past.setAttribute("d", "");
      return;
    }
    const points = example.iterations.map((at, k) => [at, this.x(example.confidence[k] ?? 0), values[k] === null ? null : this.y(Math.min(values[k], this.most))]);
    this.path.setAttribute("d", line(points.map(([, x, y]) => [x, y])));
    this.past.setAttribute("d", line(points.filter(([at]) => at <= iteration).map(([, x, y]) => [x, y])));
  }

  nearest(event) {
    const [px, py] = this.position(event);
    let best = null;
    let least = NEAR * NEAR;
    for (let n = 0; n < this.count; n += 1) {
      if (this.now?.c[n] == null || this.now.s[n] == null || !this.visible.has(n)) continue;
      const far = (this.x(this.now.c[n]) - px) ** 2 + (this.y(this.now.s[n]) - py) ** 2;
      if (far < least) [best, least] = [n, far];
    }
    return best;
  }

  position(event) {
    const box = this.holder.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  moved(event) {
    if (!this.begin) {
      this.hover(this.nearest(event), event);
      return;
    }
    const [x, y] = this.position(event);
    const [left, top] = [Math.min(x, this.begin[0]), Math.min(y, this.begin[1])];
    const size = { width: Math.abs(x - this.begin[0]), height: Math.abs(y - this.begin[1]) };
    for (const [name, value] of Object.entries({ x: left, y: top, ...size, visibility: "visible" })) this.boxed.setAttribute(name, value);
  }

  hover(n, event) {
    this.onHover?.(n, event);
    this.holder.classList.toggle("over", n !== null);
  }

  pressed(event) {
    if (event.button !== 0) return;
    this.begin = this.position(event);
    this.holder.setPointerCapture?.(event.pointerId);
  }

  released(event) {
    if (!this.begin) return;
    const [[x0, y0], [x1, y1]] = [this.begin, this.position(event)];
    this.dropBox();
    if (Math.hypot(x1 - x0, y1 - y0) < 5) {
      const n = this.nearest(event);
      if (n !== null) this.onPick(n);
      return;
    }
    const [cs, ss] = [[x0, x1].map(this.x.back).sort((a, b) => a - b), [y0, y1].map(this.y.back).sort((a, b) => a - b)];
    this.onSelect([...cs, ...ss]);
  }

  dropBox() {
    this.begin = null;
    this.boxed.setAttribute("visibility", "hidden");
  }
}
