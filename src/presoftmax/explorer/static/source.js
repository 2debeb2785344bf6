// Where answers come from: elements of this page where it is one file, else files beside it. Nothing else is asked.

const RECENT = 400;
const held = document.getElementById("answers");
const answers = held ? JSON.parse(held.textContent) : null;
const pictures = held ? JSON.parse(document.getElementById("pictures-held").textContent) : null;
const recent = new Map();

async function asked(path) {
  if (answers) return answers[path];
  const reply = await fetch(`data/${path}`);
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply.json();
}

/** An answer, asked for once. */
export function answerTo(path) {
  let found = recent.get(path);
  if (!found) {
    found = asked(path);
    found.catch(() => recent.delete(path));
    recent.set(path, found);
    if (recent.size > RECENT) recent.delete(recent.keys().next().value);
  }
  return found;
}

export const pictureAddress = (path) => (pictures ? pictures[path] : `data/${path}`);

export const isOneFile = answers !== null;
