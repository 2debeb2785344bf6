// The list: as many rows as can be seen, of however many there are.

import { byId, html } from "./dom.js";
import { className, confidenceText, iterationText, MEASURES, numberText } from "./format.js";
import { pictureAddress } from "./source.js";

const ROW = 40;
const BEYOND = 6;
const VICTIMS = 8;
const DISGUISE = 0.9;

/** What may be asked of an example, at the iteration of the slider. */
export const MARKS = {
  saturated: "confidence exactly 1",
  disguised: "disguised: beyond natural, looks weak",
  halted: "halted: no pixel changes any more",
  all: "fools every victim",
  none: "fools no victim",
  vanished: "gradient vanished",
};

export function isMarked(mark, n, overview, frame) {
  const { examples } = overview;
  const fools = frame.fooled[n] ?? 0;
  const wrong = frame.predicted[n] >= 0 && frame.predicted[n] !== examples.label[n];
  const most = overview.natural[examples.source[n]]?.ca1?.[2];
  const by = (at) => at !== null && at <= frame.iteration;
  switch (mark) {
    case "saturated": return frame.saturated[n] === 1;
    case "disguised": return wrong && most !== undefined && frame.ca1?.[n] > most && frame.confidence[n] < DISGUISE;
    case "halted": return by(examples.halted_at[n]);
    case "all": return examples.victims[n] > 0 && fools === examples.victims[n];
    case "none": return examples.victims[n] > 0 && fools === 0;
    case "vanished": return by(examples.vanished_at[n]);
    default: return true;
  }
}

/** Numbers of the examples that pass every filter. */
export function passing(overview, frame, state, boxFrame) {
  const { examples } = overview;
  const wanted = state.find.trim().toLowerCase();
  const victim = state.victim === "" ? null : Number(state.victim);
  const box = state.box ? state.box.split(",") : null;
  const found = [];
  for (let n = 0; n < examples.id.length; n += 1) {
    if (state.attack !== "" && examples.attack[n] !== Number(state.attack)) continue;
    if (state.source !== "" && examples.source[n] !== Number(state.source)) continue;
    if (victim !== null && !((examples.firsts[n][victim] ?? Infinity) <= frame.iteration)) continue;
    if (state.only && !isMarked(state.only, n, overview, frame)) continue;
    if (wanted && !words(overview, frame, n).includes(wanted)) continue;
    if (box && !inside(box, boxFrame, n)) continue;
    found.push(n);
  }
  return found;
}

function words(overview, frame, n) {
  const { examples } = overview;
  const classes = [examples.label[n], frame.predicted[n], ...(examples.targets[n] ?? [])];
  return [examples.id[n], ...classes.map((number) => className(overview, number))].join("\n").toLowerCase();
}

function inside([c0, c1, s0, s1, , measure], frame, n) {
  const [c, s] = [frame?.confidence[n], frame?.[measure]?.[n]];
  return c != null && s != null && c >= Number(c0) && c <= Number(c1) && s >= Number(s0) && s <= Number(s1);
}

export class List {
  constructor(holder, overview, thumbs, actions) {
    Object.assign(this, { holder, overview, thumbs, actions, order: [] });
    this.body = html("tbody");
    this.head = html("thead");
    this.table = html("table", {}, html("caption", { class: "unseen" }, "Examples, sortable by every column"), this.head, this.body);
    holder.replaceChildren(this.table);
    holder.addEventListener("scroll", () => this.fill(), { passive: true });
  }

  columns(state) {
    const { examples, victims } = this.overview;
    const number = (key, label, title, value, text) => ({ key, label, title, value, text, kind: "number" });
    const shownVictims = victims.slice(0, VICTIMS);
    const { steps } = this.overview;
    const first = (key, label, name, value) => (steps
      ? number(key, `${label}@`, `first iteration at which ${name} is fooled`, value, iterationText)
      : number(key, label, `whether ${name} is fooled by the adversarial image`, value, (at) => (at === null ? "no" : "yes")));
    return [
      { key: "id", label: "example", title: "name, attack and source", value: (n) => examples.id[n], kind: "name" },
      number("confidence", "conf.", "softmax confidence", (n, f) => f.confidence[n], (v) => confidenceText(v)),
      number("strength", "strength", MEASURES[state.y]?.label ?? "", (n, f) => f[state.y]?.[n] ?? null, (v) => numberText(v)),
      ...(victims.length ? [number("fooled", "fools", "victims fooled now", (n, f) => f.fooled[n], (v, n) => (v === null ? "–" : `${v}/${examples.victims[n]}`))] : []),
      first("first", "src", "the source", (n) => examples.first_source[n]),
      ...shownVictims.map((name, v) => first(`v${v}`, `v${victims.length > 1 ? v + 1 : ""}`, name, (n) => examples.firsts[n][v] ?? null)),
    ];
  }

  show(frame, state, numbers) {
    this.frame = frame;
    this.state = state;
    this.used = this.columns(state);
    const sorted = this.used.find((column) => column.key === state.sort);
    this.order = sorted ? this.sorted(numbers, sorted, state.down) : numbers;
    this.heads(state);
    this.fill(true);
    return this.order;
  }

  sorted(numbers, column, down) {
    const of = new Map(numbers.map((n) => [n, column.value(n, this.frame)]));
    const compare = (a, b) => {
      const [p, q] = [of.get(a), of.get(b)];
      if (p === null || q === null) return (p === null) - (q === null) || a - b;
      const by = typeof p === "string" ? p.localeCompare(q, "en", { numeric: true }) : p - q;
      return (down ? -by : by) || a - b;
    };
    return [...numbers].sort(compare);
  }

  heads(state) {
    const cells = this.used.map((column) => {
      const now = state.sort === column.key ? (state.down ? "descending" : "ascending") : "none";
      const sort = () => this.actions.sort(column.key, column.kind);
      const arrow = now === "none" ? "" : state.down ? " ↓" : " ↑";
      return html("th", { scope: "col", "aria-sort": now, class: column.kind, colspan: column.kind === "name" ? 2 : 1 },
        html("button", { type: "button", title: column.title, "aria-label": `${column.label.replace("@", "")}: ${column.title}`, "data-sort": column.key, onclick: sort }, column.label + arrow));
    });
    const focused = document.activeElement?.dataset?.sort;
    this.head.replaceChildren(html("tr", {}, ...cells));
    if (focused) this.head.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
  }

  fill() {
    const height = this.holder.clientHeight || 300;
    const from = Math.max(0, Math.floor(this.holder.scrollTop / ROW) - BEYOND);
    const to = Math.min(this.order.length, Math.ceil((this.holder.scrollTop + height) / ROW) + BEYOND);
    const focused = document.activeElement?.closest?.("tr[data-n]")?.dataset.n;
    const rows = this.order.slice(from, to).map((n, place) => this.row(n, from + place));
    this.body.replaceChildren(space(from), ...rows, space(this.order.length - to));
    this.table.setAttribute("aria-rowcount", this.order.length + 1);
    if (focused) this.body.querySelector(`tr[data-n="${focused}"] button`)?.focus({ preventScroll: true });
  }

  row(n, place) {
    const { examples } = this.overview;
    const chosen = n === this.state.e;
    const address = this.thumbs[n] ? pictureAddress(`thumbs/${n}.png`) : null;
    const image = address ? html("img", { src: address, alt: "", width: 32, height: 32, loading: "lazy", draggable: "false" }) : html("span", { class: "blank" });
    const detail = [this.overview.attacks[examples.attack[n]], ...(this.overview.sources.length > 1 ? [this.overview.sources[examples.source[n]]] : [])].join(" · ");
    const name = html("button", { type: "button", "aria-current": chosen ? "true" : null, title: `${examples.id[n]}: ${className(this.overview, examples.label[n])}, taken for ${className(this.overview, this.frame.predicted[n])}` },
      html("b", {}, examples.id[n]), html("small", {}, detail));
    const cells = this.used.slice(1).map((column) => {
      const value = column.value(n, this.frame);
      const exact = column.key === "confidence" && this.frame.saturated[n] === 1;
      return html("td", { class: exact ? "number exact" : "number", "data-column": column.key, title: exact ? "exactly 1 in float32" : null }, column.text(value, n));
    });
    return html("tr", { "data-n": n, "aria-rowindex": place + 2, class: chosen ? "chosen" : null, onclick: () => this.actions.pick(n) },
      html("td", { class: "thumb" }, image), html("td", { class: "name" }, name), ...cells);
  }

  /** Bring an example into sight. */
  reveal(n) {
    const place = this.order.indexOf(n);
    if (place < 0) return;
    const [top, height] = [this.holder.scrollTop, this.holder.clientHeight - ROW];
    if (place * ROW < top) this.holder.scrollTop = place * ROW;
    else if ((place + 1) * ROW > top + height) this.holder.scrollTop = (place + 1) * ROW - height;
  }
}

function space(rows) {
  const cell = html("td");
  cell.style.height = `${rows * ROW}px`;
  return html("tr", { class: "space", "aria-hidden": "true" }, cell);
}

/** The filters, of what there is to choose. */
export function drawChoices(overview, state, onChange) {
  const select = (key, label, entries) => {
    const options = [html("option", { value: "" }, label), ...entries.map(([value, text]) => html("option", { value }, text))];
    const node = html("select", { "aria-label": label, id: `by-${key}`, onchange: () => onChange({ [key]: node.value }) }, ...options);
    node.value = state[key];
    return node;
  };
  const numbered = (names) => names.map((name, place) => [String(place), name]);
  const find = html("input", { type: "search", id: "by-find", placeholder: "class or name", "aria-label": "Class or name", oninput: () => onChange({ find: find.value }) });
  find.value = state.find;
  byId("choices").replaceChildren(
    ...(overview.attacks.length > 1 ? [select("attack", "any attack", numbered(overview.attacks))] : []),
    ...(overview.sources.length > 1 ? [select("source", "any source", numbered(overview.sources))] : []),
    ...(overview.victims.length ? [select("victim", "any victim", numbered(overview.victims).map(([value, name]) => [value, `has fooled ${name}`]))] : []),
    select("only", "anything", Object.entries(MARKS)),
    find,
  );
}
