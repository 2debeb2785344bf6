// What is shown: all of it is in the address, so that a link restores it.

const STARTING = {
  i: 0, e: 0, y: "", attack: "", source: "", victim: "", only: "", find: "", sort: "", down: 0, box: "", theme: "",
};

export const state = { ...STARTING };
const listeners = [];

export const whenChanged = (listener) => listeners.push(listener);

/** Change some of it: whoever shows it is told what was changed. */
export function change(changes) {
  const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
  if (!changed.length) return;
  Object.assign(state, changes);
  writeAddress();
  for (const listener of listeners) listener(new Set(changed));
}

function writeAddress() {
  const kept = new URLSearchParams();
  for (const [name, start] of Object.entries(STARTING)) if (name === "i" || state[name] !== start) kept.set(name, state[name]);
  try {
    history.replaceState(null, "", `#${kept}`);
  } catch {
    // A page inside a notebook has no address of its own.
  }
}

/** What the address says, within what there is. */
export function readAddress(limits) {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = { ...STARTING, y: limits.measures[0] ?? "" , ...limits.start };
  for (const name of Object.keys(STARTING)) if (given.has(name)) found[name] = given.get(name);
  found.i = within(found.i, limits.stops, found.i);
  found.e = within(found.e, limits.examples, 0);
  found.down = Number(found.down) === 1 ? 1 : 0;
  if (!limits.measures.includes(found.y)) found.y = limits.measures[0] ?? "";
  return found;
}

function within(value, count) {
  const number = Math.round(Number(value));
  return Number.isFinite(number) ? Math.min(Math.max(number, 0), Math.max(count - 1, 0)) : 0;
}
