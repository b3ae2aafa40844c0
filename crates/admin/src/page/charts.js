// Charts of the last 300 samples. Their legends have the newest values as text.
const WINDOW = 300;
const samples = [];
const svg = (name, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const CHARTS = [
  { title: "Hit rate", lines: [["hits", (it) => it.hit_rate]], show: percent, max: () => 1 },
  {
    title: "Sessions", stacked: [
      ["in use", (it) => it.sessions.used], ["opening", (it) => it.sessions.connecting], ["idle", (it) => it.sessions.idle],
    ], show: number,
  },
  { title: "Wait for a session", lines: [["p50", (it) => it.waits.p50], ["p99", (it) => it.waits.p99]], show: duration },
  { title: "Calls", lines: [["p50", (it) => it.calls.p50], ["p99", (it) => it.calls.p99]], show: duration },
  { title: "Closed sessions by reason", reasons: true, show: number },
  {
    title: "Circuits that are not closed",
    stacked: [["open", (it) => it.circuits.open, "s5"], ["half open", (it) => it.circuits.half_open, "s2"]], show: number,
  },
];
const COLOURS = ["s1", "s2", "s3", "s4", "s5", "s6"];
const build = () => {
  for (const chart of CHARTS) {
    chart.top = element("span");
    chart.svg = svg("svg", { viewBox: "0 0 300 100", preserveAspectRatio: "none", "aria-hidden": "true" });
    chart.legend = element("ul", { className: "legend" });
    const figure = element("figure", {}, element("figcaption", {}, chart.title, chart.top), chart.svg, chart.legend);
    byId("charts").append(figure);
  }
};
// The closed sessions of the most frequent reasons, and of all others.
const byReason = () => {
  const sums = new Map();
  for (const sample of samples)
    for (const [reason, closed] of Object.entries(sample.closes)) sums.set(reason, (sums.get(reason) ?? 0) + closed);
  const sorted = [...sums].sort((a, b) => b[1] - a[1]).map(([reason]) => reason);
  const named = sorted.slice(0, 5);
  const series = named.map((reason) => [words(reason), (it) => it.closes[reason] ?? 0, null, sums.get(reason)]);
  const others = sorted.slice(5);
  if (others.length) {
    const sum = (it) => others.reduce((all, reason) => all + (it.closes[reason] ?? 0), 0);
    series.push(["others", sum, null, others.reduce((all, reason) => all + sums.get(reason), 0)]);
  }
  return series;
};
// The first minute fills the chart from the right; later samples move closer together.
const x = (index) => {
  const span = Math.max(60, samples.length);
  return (((span - samples.length + index) / (span - 1)) * 300).toFixed(1);
};
const y = (value, max) => (98 - 94 * (value / max)).toFixed(2);
const linePath = (read, max) => {
  let path = "", pen = "M";
  samples.forEach((sample, index) => {
    const value = read(sample);
    if (value == null) { pen = "M"; return; }
    path += `${pen}${x(index)} ${y(value, max)}`;
    if (pen === "M") path += "h0.6";
    pen = "L";
  });
  return path;
};
const areaPath = (lower, upper, max) => {
  if (!upper.length) return "";
  const forth = upper.map((value, index) => `${x(index)} ${y(value, max)}`);
  const back = lower.map((value, index) => `${x(index)} ${y(value, max)}`).reverse();
  return `M${forth.join("L")}L${back.join("L")}Z`;
};
const draw = (chart) => {
  const stacked = chart.reasons ? byReason() : chart.stacked;
  const parts = [svg("path", { class: "grid", d: "M0 4H300M0 51H300" })];
  let max = 0;
  if (stacked) {
    let lower = samples.map(() => 0);
    const layers = stacked.map(([, read]) => {
      const upper = samples.map((sample, index) => lower[index] + read(sample));
      const layer = [lower, upper];
      lower = upper;
      return layer;
    });
    max = Math.max(1, ...lower);
    layers.forEach(([low, high], index) => {
      const colour = stacked[index][2] ?? COLOURS[index];
      parts.push(svg("path", { class: `area ${colour}`, d: areaPath(low, high, max) }));
    });
  } else {
    const values = samples.flatMap((sample) => chart.lines.map(([, read]) => read(sample) ?? 0));
    max = chart.max?.() ?? Math.max(1e-6, ...values);
    chart.lines.forEach(([, read], index) => parts.push(svg("path", { class: `line ${COLOURS[index]}`, d: linePath(read, max) })));
  }
  chart.svg.replaceChildren(...parts);
  chart.top.textContent = `top: ${chart.show(max)}`;
  const newest = samples.at(-1);
  const items = (stacked ?? chart.lines).map(([name, read, colour, sum], index) => {
    const value = sum ?? (newest && read(newest));
    return element("li", { className: colour ?? COLOURS[index] }, `${name} ${chart.show(value)}`);
  });
  chart.legend.replaceChildren(...(items.length ? items : [element("li", { className: "soft" }, "none")]));
};
const TILES = [
  ["Sessions", (it) => number(it.sessions.idle + it.sessions.used + it.sessions.connecting)],
  ["In use", (it) => number(it.sessions.used)],
  ["Waiting", (it) => number(it.waiting)],
  ["Keys", (it) => number(it.keys)],
  ["Hit rate", (it) => percent(it.hit_rate)],
  ["Calls a second", (it) => number(Math.round(it.calls.count / it.seconds))],
  ["Failed calls", (it) => number(it.calls.failed)],
];
const drawAll = () => {
  const newest = samples.at(-1);
  if (!newest) return;
  const tiles = TILES.map(([name, read]) => element("div", {}, element("dt", {}, name), element("dd", {}, read(newest))));
  byId("now").replaceChildren(...tiles);
  CHARTS.forEach(draw);
};
let isDrawing = false;
const addSample = (sample) => {
  samples.push(sample);
  if (samples.length > WINDOW) samples.splice(0, samples.length - WINDOW);
  if (isDrawing || document.hidden) return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; drawAll(); });
};
