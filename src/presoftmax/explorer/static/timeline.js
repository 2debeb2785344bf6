// One example over the iterations: confidence, strengths, and what each victim said; one axis, one cursor.

import { clipped, drawing, svg } from "./dom.js";
import { MEASURES } from "./format.js";
import { line, linear, logarithmic, rules, ticks } from "./plot.js";

const DRAWN = ["ca1", "log_odds", "group_log_odds"];
const EVERY = 64;

/** The position of the last iteration of an example that is not after this one. */
export function placeOf(example, iteration) {
  let place = 0;
  example.iterations.forEach((at, k) => {
    if (at <= iteration) place = k;
  });
  return place;
}

export class Timeline {
  constructor(curves, strips, overview, onSeek) {
    Object.assign(this, { curves, strips, overview, onSeek });
    for (const holder of [curves, strips]) {
      holder.addEventListener("pointerdown", (event) => this.seek(event, holder));
      holder.addEventListener("pointermove", (event) => event.buttons === 1 && this.seek(event, holder));
    }
  }

  seek(event, holder) {
    const x = event.clientX - holder.getBoundingClientRect().left;
    if (this.x && x > this.left - 12) this.onSeek(this.x.back(x));
  }

  draw(about, example, natural) {
    const width = Math.max(this.curves.clientWidth, 260);
    this.left = width < 520 ? 96 : 142;
    const right = width - 14;
    const last = Math.max(example.iterations.at(-1) ?? 0, 1);
    this.x = last <= EVERY ? linear(0, last, this.left, right) : logarithmic(last, this.left, right);
    this.lanes(about, example, width, right); // before the curves, which take what height is left
    const height = Math.max(this.curves.clientHeight, 150);
    const node = drawing(this.curves, width, height, "Confidence and strengths against the iteration");
    const top = { from: 8, to: Math.round(height * 0.26) };
    const low = { from: top.to + 16, to: height - 20 };
    this.confidence(node, example, top, right);
    this.strengths(node, example, natural, low, right);
    this.axis(node, last, height - 5, right);
    this.cursor = svg("line", { y1: 2, y2: height - 18, class: "cursor" });
    this.knobs = svg("g");
    node.append(this.cursor, this.knobs);
    this.example = example;
  }

  confidence(node, example, lane, right) {
    const y = linear(0, 1, lane.to, lane.from);
    rules(node, [0, 1], y, this.left, right);
    node.append(
      svg("text", { x: 0, y: (lane.from + lane.to) / 2 + 4, class: "label confidence" }, "confidence"),
      svg("path", { d: line(example.iterations.map((at, k) => [this.x(at), example.confidence[k] === null ? null : y(example.confidence[k])])), class: "curve confidence" }),
    );
    this.lines = [{ y, values: example.confidence, kind: "confidence" }];
  }

  strengths(node, example, natural, lane, right) {
    const there = DRAWN.filter((name) => example[name]?.some((value) => value !== null));
    const values = there.flatMap((name) => example[name]).filter((value) => value !== null);
    const most = natural?.ca1?.[2];
    const [low, high] = [Math.min(0, ...values, ...(natural?.ca1 ? [natural.ca1[0]] : [])), Math.max(1, ...values, ...(most === undefined ? [] : [most]))];
    const y = linear(low, high, lane.to, lane.from);
    if (natural?.ca1) {
      const [from, to] = [y(natural.ca1[2]), y(natural.ca1[0])];
      node.append(
        svg("rect", { x: this.left, y: from, width: right - this.left, height: to - from, class: "band" }),
        svg("line", { x1: this.left, x2: right, y1: from, y2: from, class: "natural" }),
        svg("text", { x: right, y: from - 4, class: "note", "text-anchor": "end" }, "largest natural CA1"),
      );
    }
    rules(node, ticks(low, high, 4), y, this.left, right);
    const above = Math.max(lane.from + 10, (lane.from + lane.to) / 2 - 8 * there.length + 8);
    there.forEach((name, place) => {
      const kind = name.replaceAll("_", "-");
      node.append(
        svg("text", { x: 0, y: above + place * 16, class: `label ${kind}` }, MEASURES[name].short),
        svg("path", { d: line(example.iterations.map((at, k) => [this.x(at), example[name][k] === null ? null : y(example[name][k])])), class: `curve ${kind}` }),
      );
      this.lines.push({ y, values: example[name], kind });
    });
  }

  axis(node, last, y, right) {
    const whole = last <= EVERY ? ticks(0, last, 8).filter((at) => Number.isInteger(at)) : [0, 1, 3, 10, 30, 100, 300, 1000, 3000].filter((at) => at < last * 0.8);
    const all = last <= EVERY ? whole : [...whole, last];
    if (!this.overview.steps) {
      node.append(
        svg("text", { x: this.left, y, class: "tick" }, "clean"),
        svg("text", { x: right, y, class: "tick", "text-anchor": "end" }, "adversarial"),
      );
      return;
    }
    for (const at of all) node.append(svg("text", { x: Math.min(this.x(at), right - 2), y, class: "tick", "text-anchor": "middle" }, String(at)));
    node.append(svg("text", { x: 0, y, class: "label" }, "iteration"));
  }

  /** The source, then every victim: a thin line while it is right, half a bar when it is wrong, a whole one at a target. */
  lanes(about, example, width, right) {
    const own = example.predicted.map((found) => (found < 0 ? "x" : (about.targets ?? []).includes(found) ? "2" : found === about.label ? "0" : "1")).join("");
    const all = [["source", own, "source"], ...example.states.map(([victim, states]) => [this.overview.victims[victim], states, "victim"])];
    const step = 17;
    const node = drawing(this.strips, width, Math.max(all.length * step + 4, 10), `Fooled or not: ${all.length - 1} victims`);
    all.forEach(([name, states, kind], row) => {
      const y = row * step + 2;
      node.append(clipped(name, this.left - 12, { x: 0, y: y + 11, class: `name ${kind}` }));
      for (const [from, to, letter] of runs(states)) {
        const a = this.edge(example.iterations, from, right);
        const b = this.edge(example.iterations, to, right);
        const tall = { 0: 2, 1: 7, 2: 13, x: 3 }[letter];
        if (tall) node.append(svg("rect", { x: a, y: y + 14 - tall, width: Math.max(b - a - 0.5, 0.8), height: tall, class: `lane s${letter}` }));
      }
    });
    this.mark = svg("line", { y1: 0, y2: all.length * step + 2, class: "cursor" });
    node.append(this.mark);
  }

  /** Where the stretch of an iteration begins: halfway to the one before. */
  edge(iterations, k, right) {
    if (k <= 0) return this.x(iterations[0]) - 3;
    if (k >= iterations.length) return right + 3;
    return (this.x(iterations[k - 1]) + this.x(iterations[k])) / 2;
  }

  at(iteration) {
    if (!this.example) return;
    const k = placeOf(this.example, iteration);
    const x = this.x(this.example.iterations[k]);
    for (const each of [this.cursor, this.mark]) {
      each.setAttribute("x1", x);
      each.setAttribute("x2", x);
    }
    const knobs = this.lines.filter(({ values }) => values[k] !== null).map(({ y, values, kind }) => svg("circle", { cx: x, cy: y(values[k]), r: 3.6, class: `knob ${kind}` }));
    this.knobs.replaceChildren(...knobs);
  }
}

/** Stretches of the same letter: where each begins, where it ends, which letter. */
export function runs(text) {
  const found = [];
  for (let from = 0; from < text.length;) {
    let to = from + 1;
    while (to < text.length && text[to] === text[from]) to += 1;
    found.push([from, to, text[from]]);
    from = to;
  }
  return found;
}
