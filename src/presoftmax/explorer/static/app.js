// The page: what is asked for, when, and who shows it.

import { drawBars } from "./bars.js";
import { byId, html, svg } from "./dom.js";
import { className, confidenceText, countText, MEASURES, numberText } from "./format.js";
import { drawChoices, List, passing } from "./list.js";
import { Pictures } from "./pictures.js";
import { savePng, saveSvg } from "./save.js";
import { drawLegend, Scatter } from "./scatter.js";
import { answerTo, isOneFile } from "./source.js";
import { change, readAddress, state, whenChanged } from "./state.js";
import { placeOf, Timeline } from "./timeline.js";

const PACE = 230;
const overview = await answerTo("overview.json");
const { examples, iterations } = overview;
const stops = iterations.length;
const count = examples.id.length;
let frame = null;
let example = null;
let order = [];
let playing = null;
let scatter;
let timeline;
let list;
let panes;

const limits = {
  stops, examples: count, measures: overview.measures,
  start: { i: overview.steps ? Math.round((stops - 1) / 2) : stops - 1 },
};

const naturalOf = (n) => overview.natural[examples.source[n]];
const aboutOf = (n) => ({ label: examples.label[n], targets: examples.targets[n] });
const stopOf = (iteration) => iterations.reduce((best, at, k) => (Math.abs(at - iteration) < Math.abs(iterations[best] - iteration) ? k : best), 0);

function fail(error) {
  byId("about").textContent = `cannot be shown: ${error.message}`;
  byId("about").classList.add("failed");
}

// What changes with the slider, the example, the filters.

async function update(changed, milliseconds = 0) {
  const ticket = (update.ticket = {});
  const boxed = state.box ? answerTo(`frames/${Number(state.box.split(",")[4])}.json`) : null;
  const asked = [answerTo(`frames/${state.i}.json`), count ? answerTo(`examples/${state.e}.json`) : null, boxed];
  const [newFrame, newExample, boxFrame] = await Promise.all(asked);
  if (update.ticket !== ticket) return;
  const other = newExample !== example;
  [frame, example] = [newFrame, newExample];
  const visible = passing(overview, frame, state, boxFrame);
  scatter.show(frame, new Set(visible), state.e, example, milliseconds);
  order = list.show(frame, state, visible);
  if (changed.has("e")) list.reveal(state.e);
  showCount(visible.length);
  showSlider();
  if (example) showExample(other || changed.has("size"));
}

function showExample(redrawn) {
  const [n, about] = [state.e, aboutOf(state.e)];
  const k = placeOf(example, frame.iteration);
  panes.show(n, example, example.iterations[k] ?? 0, overview.steps).catch(fail);
  showHead(n, k);
  showNumbers(n, k);
  drawBars(byId("bars"), overview, about, example, k, naturalOf(n)?.ca1);
  if (redrawn) timeline.draw(about, example, naturalOf(n)); // the last, which takes what height is left
  timeline.at(frame.iteration);
}

function showHead(n, k) {
  const heading = byId("one-heading");
  heading.replaceChildren(html("b", {}, examples.id[n]), ` ${overview.attacks[examples.attack[n]]} on ${overview.sources[examples.source[n]]}`);
  heading.title = heading.textContent;
  const [truth, found] = [className(overview, examples.label[n]), className(overview, example.predicted[k])];
  const hit = (examples.targets[n] ?? []).includes(example.predicted[k]);
  const right = example.predicted[k] === examples.label[n];
  const verdict = byId("verdict");
  verdict.replaceChildren(html("span", { class: "true" }, truth), right ? " ✓" : " → ", right ? "" : html("span", { class: hit ? "target" : "wrong" }, found + (hit ? " ◎" : "")));
  verdict.title = right ? truth : `${truth}, taken for ${found}${hit ? ", a target" : ""}`;
}

function showNumbers(n, k) {
  const confidence = example.confidence[k];
  const exact = confidence === 1;
  const most = naturalOf(n)?.ca1?.[2];
  const ca1 = example.ca1[k];
  const beyond = most > 0 && ca1 !== null ? `${(ca1 / most).toFixed(1)} × natural max` : "";
  const asked = examples.victims[n];
  const measure = state.y && state.y !== "ca1" ? state.y : "misclassification_log_odds";
  const entry = (kind, name, value, note) => html("div", { class: kind }, html("dt", {}, name), html("dd", {}, html("b", {}, value), html("small", {}, note)));
  byId("numbers").replaceChildren(
    entry("confidence", "confidence", confidenceText(confidence), exact ? "exactly 1 in float32" : confidence >= 0.995 ? "printed as 1.00" : ""),
    entry("ca1", "CA1", numberText(ca1), beyond),
    entry(measure.replaceAll("_", "-"), MEASURES[measure].short, numberText(example[measure]?.[k] ?? null), measure === "misclassification_log_odds" ? "for any wrong class" : ""),
    ...(asked ? [entry("fools", asked === 1 ? "victim fooled" : "victims fooled", `${frame.fooled[n] ?? 0} of ${asked}`, firsts(n))] : []),
  );
}

function firsts(n) {
  const at = examples.firsts[n].filter((each) => each !== null);
  return !overview.steps ? "" : at.length ? `first at iteration ${Math.min(...at)}` : "none ever";
}

function showCount(visible) {
  const whole = overview.total > count ? `${countText(count, "example")} of ${overview.total.toLocaleString("en-US")}, evenly taken` : countText(count, "example");
  byId("count").textContent = visible === count ? whole : `${visible.toLocaleString("en-US")} of ${whole}`;
  byId("unselect").hidden = !state.box;
  byId("unfilter").hidden = !["attack", "source", "victim", "only", "find"].some((name) => state[name] !== "");
}

function showSlider() {
  const slider = byId("slider");
  slider.value = state.i;
  const text = overview.steps ? `iteration ${frame.iteration}` : frame.iteration === 0 ? "clean image" : "adversarial image";
  slider.setAttribute("aria-valuetext", text);
  byId("at").replaceChildren(html("b", {}, overview.steps ? String(frame.iteration) : text), overview.steps ? ` of ${iterations.at(-1)}` : "");
  if (!playing && example) {
    const k = placeOf(example, frame.iteration);
    byId("said").textContent = `${text}: ${examples.id[state.e]}, confidence ${confidenceText(example.confidence[k])}, CA1 ${numberText(example.ca1[k])}`;
  }
  showMarks();
}

/** Iterations whose image was kept, on the slider. */
function showMarks() {
  const node = byId("marks");
  const width = node.clientWidth;
  const kept = new Set(example?.kept ?? []);
  const x = (k) => 8 + (stops > 1 ? k / (stops - 1) : 0) * (width - 16);
  node.replaceChildren(...iterations.flatMap((at, k) => [
    svg("line", { x1: x(k), x2: x(k), y1: 9, y2: 13, class: "stop" }),
    ...(kept.has(at) ? [svg("circle", { cx: x(k), cy: 4, r: 2.4, class: k <= state.i ? "kept past" : "kept" }, svg("title", {}, `the image of iteration ${at} was kept`))] : []),
  ]));
  byId("track").style.setProperty("--part", stops > 1 ? state.i / (stops - 1) : 1);
}

// What people do.

function step(by) {
  pause();
  change({ i: Math.min(Math.max(state.i + by, 0), stops - 1) });
}

function neighbor(by) {
  if (!order.length) return;
  const place = order.indexOf(state.e);
  change({ e: order[place < 0 ? 0 : Math.min(Math.max(place + by, 0), order.length - 1)] });
}

function pause() {
  clearTimeout(playing);
  playing = null;
  drawPlay();
}

function play() {
  if (playing) {
    pause();
    return;
  }
  const next = async () => {
    if (state.i >= stops - 1) {
      pause();
      return;
    }
    const began = performance.now();
    await answerTo(`frames/${state.i + 1}.json`);
    if (!playing) return;
    change({ i: state.i + 1 });
    playing = setTimeout(next, Math.max(30, PACE - (performance.now() - began)));
  };
  playing = setTimeout(next, 0);
  if (state.i >= stops - 1) change({ i: 0 });
  drawPlay();
}

function drawPlay() {
  const button = byId("play");
  button.setAttribute("aria-label", playing ? "Pause" : "Play");
  button.querySelector("path").setAttribute("d", playing ? "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" : "M4 2.5v11l9-5.5z");
}

function sortBy(key, kind) {
  if (state.sort !== key) change({ sort: key, down: kind === "number" ? 1 : 0 });
  else if (state.down === (kind === "number" ? 1 : 0)) change({ down: 1 - state.down });
  else change({ sort: "", down: 0 });
}

function select(box) {
  change({ box: [...box.map((value) => value.toFixed(4)), state.i, state.y].join(",") });
}

const isDark = () => (state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);

function showTheme() {
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
  byId("theme").textContent = isDark() ? "Light" : "Dark";
}

const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  Home: () => step(-stops),
  End: () => step(stops),
  " ": play,
  j: () => neighbor(1),
  k: () => neighbor(-1),
  y: () => change({ y: overview.measures[(overview.measures.indexOf(state.y) + 1) % overview.measures.length] }),
  t: () => change({ theme: isDark() ? "light" : "dark" }),
  Escape: () => change({ box: "" }),
  "?": () => byId("keys").showModal(),
};

function pressed(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  if (target.matches?.("select, input:not([type=range])")) return;
  if (event.key === " " && target.closest?.("button, summary")) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function hovered(n, event) {
  const tip = byId("tip");
  tip.hidden = n === null;
  if (n === null) return;
  tip.replaceChildren(
    html("b", {}, examples.id[n]), html("span", {}, `${overview.attacks[examples.attack[n]]} on ${overview.sources[examples.source[n]]}`),
    html("span", {}, `${className(overview, examples.label[n])} → ${className(overview, frame.predicted[n])}`),
    html("span", {}, `confidence ${confidenceText(frame.confidence[n])} · ${MEASURES[state.y].short} ${numberText(frame[state.y][n])} · fools ${frame.fooled[n] ?? 0} of ${examples.victims[n]}`),
  );
  const [x, y] = [Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8), Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)];
  Object.assign(tip.style, { left: `${Math.max(4, x)}px`, top: `${Math.max(4, y)}px` });
}

// Beginning.

function listen() {
  byId("slider").max = stops - 1;
  byId("slider").addEventListener("input", (event) => {
    pause();
    change({ i: Number(event.target.value) });
  });
  byId("play").addEventListener("click", play);
  byId("previous").addEventListener("click", () => neighbor(-1));
  byId("next").addEventListener("click", () => neighbor(1));
  byId("measure").addEventListener("change", (event) => change({ y: event.target.value }));
  byId("theme").addEventListener("click", KEYS.t);
  byId("help").addEventListener("click", KEYS["?"]);
  byId("unselect").addEventListener("click", KEYS.Escape);
  byId("unfilter").addEventListener("click", () => {
    change({ attack: "", source: "", victim: "", only: "", find: "" });
    drawChoices(overview, state, change);
  });
  byId("save-svg").addEventListener("click", () => saved(saveSvg));
  byId("save-png").addEventListener("click", () => saved(savePng));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("rows").focus();
  });
  document.addEventListener("keydown", pressed);
  addEventListener("hashchange", () => change(readAddress(limits)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  new ResizeObserver(() => redraw()).observe(document.querySelector("main"));
}

function saved(save) {
  byId("saving").open = false;
  Promise.resolve(save(`presoftmax-${examples.id[state.e] ?? "view"}-${frame.iteration}`.replaceAll(/[^\w.-]+/g, "_"))).catch(fail);
}

function redraw() {
  showTheme();
  scatter.frame(state.y);
  update(new Set(["size"])).catch(fail);
}

function about() {
  const facts = [countText(overview.attacks.length, "attack"), countText(overview.sources.length, "source"), countText(overview.victims.length, "victim")];
  const bounded = overview.total > count ? `${count} of ${overview.total.toLocaleString("en-US")} examples` : countText(count, "example");
  const small = isOneFile ? "images at most 128 pixels" : "";
  byId("about").textContent = [bounded, ...facts, small].filter(Boolean).join(" · ");
  byId("about").title = [overview.total > count ? `This page holds ${count} of them; "presoftmax explore" shows all.` : "", ...overview.notes].join(" ");
  byId("title").textContent = overview.title;
  document.title = `${overview.title}: presoftmax explorer`;
}

function begin() {
  Object.assign(state, readAddress(limits));
  about();
  for (const name of overview.measures) byId("measure").append(html("option", { value: name }, MEASURES[name].label));
  byId("measure").value = state.y;
  drawLegend(Math.max(0, ...examples.victims));
  scatter = new Scatter(byId("scatter"), overview, (n) => change({ e: n }), select);
  scatter.onHover = hovered;
  timeline = new Timeline(byId("curves"), byId("strips"), overview, (iteration) => {
    pause();
    change({ i: stopOf(iteration) });
  });
  list = new List(byId("rows"), overview, examples.thumb, { pick: (n) => change({ e: n }), sort: sortBy });
  panes = new Pictures(byId("pictures"));
  drawChoices(overview, state, change);
  showTheme();
  scatter.frame(state.y);
  whenChanged((changed) => {
    if (changed.has("theme")) redraw();
    if (changed.has("y")) {
      byId("measure").value = state.y;
      scatter.frame(state.y);
    }
    update(changed, changed.has("i") ? (playing ? PACE : 120) : 0).catch(fail);
  });
  listen();
  update(new Set(["e", "size"])).then(() => document.documentElement.classList.add("ready")).catch(fail);
}

begin();
