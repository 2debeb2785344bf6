// How numbers and names are written.

export const MEASURES = {
  misclassification_log_odds: { label: "misclassification log-odds", short: "miscl. log-odds", color: "--misclassification" },
  ca1: { label: "largest logit CA1", short: "CA1", color: "--ca1" },
  log_odds: { label: "log-odds of the top class", short: "log-odds", color: "--log-odds" },
  margin: { label: "margin between the two largest logits", short: "margin", color: "--margin" },
  group_log_odds: { label: "log-odds of all targets", short: "group log-odds", color: "--group" },
};

const NOTHING = "–";

/** A confidence as people print it; what is exactly 1 says so elsewhere. */
export const confidenceText = (value, digits = 2) => (value === null || value === undefined ? NOTHING : value.toFixed(digits));

export function numberText(value, digits = 1) {
  if (value === null || value === undefined) return NOTHING;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
}

export const iterationText = (value) => (value === null || value === undefined ? NOTHING : String(value));

export const className = (overview, number) => {
  if (number === null || number === undefined || number < 0) return "not finite";
  return overview.classes?.[number] ?? `class ${number}`;
};

export const countText = (count, what) => `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
