// The top classes twice: after the softmax, and before it.

import { clipped, drawing, svg } from "./dom.js";
import { className, confidenceText, numberText } from "./format.js";
import { linear } from "./plot.js";

const MOST = 7;

/** Rows at one iteration: targets and the true class first, in their place whatever happens, then the largest others. */
export function classRows(overview, about, example, k) {
  const targets = about.targets ?? [];
  const found = new Map();
  targets.forEach((number, place) => found.set(number, { number, kind: "target", logit: example.target_logits[k]?.[place] ?? null }));
  const label = found.get(about.label);
  if (!label) found.set(about.label, { number: about.label, kind: "true", logit: example.label_logit[k] ?? null });
  example.logits[k].forEach((logit, place) => {
    const number = example.classes[k][place] ?? null;
    if (number === null) unnamed(found, about, place, logit);
    if (number === null || number < 0) return;
    const known = found.get(number);
    if (known) known.logit ??= logit;
    else found.set(number, { number, kind: "other", logit });
  });
  const total = example.logsumexp?.[k];
  const rows = [...found.values()].slice(0, Math.max(MOST, 0));
  for (const row of rows) {
    row.name = row.place ? `logit number ${row.place}` : className(overview, row.number);
    row.top = row.number === example.predicted[k];
    row.share = row.top ? example.confidence[k] : row.logit === null || total == null ? null : Math.exp(row.logit - total);
  }
  return rows;
}

/** Of judged examples only the logits of the next classes are known, and not which classes they are. */
function unnamed(found, about, place, logit) {
  const labeled = found.get(about.label)?.logit;
  if (logit === null || (labeled !== null && Math.abs(labeled - logit) < 1e-3)) return;
  found.set(`number ${place + 1}`, { number: null, kind: "other", logit, place: place + 1 });
}

/** The largest and smallest logit that bars of this example ever show, so that a bar's length means the same throughout. */
function reach(example, natural) {
  let [low, high] = [0, natural ? natural[2] : 1];
  const take = (value) => {
    if (value !== null && value !== undefined) [low, high] = [Math.min(low, value), Math.max(high, value)];
  };
  example.logits.forEach((row) => row.forEach(take));
  example.label_logit.forEach(take);
  example.target_logits.forEach((row) => row.forEach(take));
  return [low, high];
}

export function drawBars(holder, overview, about, example, k, natural) {
  const width = Math.max(holder.clientWidth, 260);
  const narrow = width < 520;
  const rows = classRows(overview, about, example, k);
  const step = narrow ? 24 : 19;
  const top = 21;
  const height = top + MOST * step + 16;
  const node = drawing(holder, width, height, `Top classes: ${rows.map((row) => `${row.name}, softmax ${confidenceText(row.share)}, logit ${numberText(row.logit)}`).join("; ")}`);
  const names = narrow ? Math.min(110, width * 0.28) : 172;
  const half = (width - names) / 2;
  const [left, middle] = [names + 8, names + half + 14];
  const softmax = linear(0, 1, left, left + half - 48);
  const [low, high] = reach(example, natural);
  const logit = linear(low, high, middle, width - 42);
  const bottom = top + rows.length * step;
  if (natural) {
    node.append(svg("rect", { x: logit(natural[0]), y: top - 3, width: Math.max(1, logit(natural[2]) - logit(natural[0])), height: bottom - top + 5, class: "band" }));
  }
  node.append(
    svg("text", { x: left, y: 12, class: "label confidence" }, narrow ? "softmax" : "softmax: what is reported"),
    svg("text", { x: middle, y: 12, class: "label ca1" }, narrow ? "logits" : "logits: what stands before it"),
    svg("line", { x1: left, x2: left, y1: top - 3, y2: bottom + 2, class: "axis" }),
    svg("line", { x1: logit(0), x2: logit(0), y1: top - 3, y2: bottom + 2, class: "axis" }),
  );
  if (natural) node.append(svg("text", { x: logit(natural[2]), y: bottom + 13, class: "note", "text-anchor": "middle" }, "natural CA1"));
  rows.forEach((row, place) => {
    const y = top + place * step;
    const kind = row.kind === "other" ? "" : ` ${row.kind}`;
    const mark = row.kind === "true" ? "✓ " : row.kind === "target" ? "◎ " : "";
    node.append(clipped(mark + row.name, names - 6, { x: names, y: y + step / 2 + 3, class: `name${kind}${row.top ? " top" : ""}`, "text-anchor": "end" }));
    bar(node, softmax, row.share, 0, y, step, `bar softmax${row.top ? " top" : ""}`, row.share === 1 ? "1.00" : confidenceText(row.share));
    bar(node, logit, row.logit, 0, y, step, `bar logit${row.top ? " top" : ""}`, numberText(row.logit));
  });
}

function bar(node, at, value, zero, y, step, kind, text) {
  if (value === null || value === undefined) {
    node.append(svg("text", { x: at(zero) + 5, y: y + step / 2 + 3.5, class: "value" }, "not among the top"));
    return;
  }
  const [a, b] = [at(zero), at(value)].sort((p, q) => p - q);
  node.append(
    svg("rect", { x: a, y: y + 2, width: Math.max(b - a, 1), height: step - 5, rx: 2, class: kind }),
    svg("text", { x: b + 5, y: y + step / 2 + 3.5, class: "value" }, text),
  );
}
