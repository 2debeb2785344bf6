// Scales and axes.

import { svg } from "./dom.js";

/** A scale from values to pixels. */
export const linear = (low, high, from, to) => {
  const width = high - low || 1;
  const at = (value) => from + ((value - low) / width) * (to - from);
  at.back = (pixel) => low + ((pixel - from) / (to - from || 1)) * width;
  return at;
};

/** Likewise by the logarithm, from 0 on: for iterations, most of which are late ones. */
export const logarithmic = (high, from, to) => {
  const whole = linear(0, Math.log1p(high), from, to);
  const at = (value) => whole(Math.log1p(value));
  at.back = (pixel) => Math.expm1(whole.back(pixel));
  return at;
};

/** Round numbers between two, about so many. */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

export const tickText = (value) => String(value).replace("-", "−");

/** A line over points, broken where one is missing. */
export function line(points) {
  let path = "";
  let pen = "M";
  for (const [x, y] of points) {
    if (y === null || !Number.isFinite(y)) pen = "M";
    else {
      path += `${pen}${x.toFixed(1)},${y.toFixed(1)}`;
      pen = "L";
    }
  }
  return path;
}

/** Horizontal grid lines with their numbers. */
export function rules(node, values, at, left, right) {
  for (const value of values) {
    const y = at(value);
    node.append(
      svg("line", { x1: left, x2: right, y1: y, y2: y, class: "rule" }),
      svg("text", { x: left - 7, y: y + 3.5, class: "tick", "text-anchor": "end" }, tickText(value)),
    );
  }
}
