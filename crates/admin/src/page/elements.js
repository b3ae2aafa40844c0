// Elements, numbers and times. Text is always set as text, never as markup.
const byId = (id) => document.getElementById(id);
const element = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "scope") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
};
const number = (value) => (value ?? 0).toLocaleString("en");
const percent = (value) => (value == null ? "–" : `${(value * 100).toFixed(value >= 0.9995 || value === 0 ? 0 : 1)}%`);
const duration = (seconds) => {
  if (seconds == null) return "–";
  if (seconds === 0) return "0";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toPrecision(3).replace(/\.0+$/, "")} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.round((seconds % 86400) / 3600)} h`;
};
const clock = (time) => new Date(time).toLocaleTimeString("en-GB");
const words = (label) => String(label).replaceAll("_", " ");
const cell = (content, className = "") => element("td", { className }, content);
const count = (value, className = "") => cell(number(value), `n ${value > 0 ? className : ""}`);
const circuit = (state) => {
  const tone = { closed: "good", half_open: "warn" }[state] ?? "bad";
  return element("span", { className: `badge ${tone}` }, words(state));
};
// Replaces the rows of a table, unless they are the same as before: a row that keeps its place keeps its focus.
const fill = (body, rows, columns, nothing) => {
  const made = rows.length ? rows : [element("tr", {}, element("td", { className: "empty", colSpan: columns }, nothing))];
  made.forEach((row, index) => {
    const known = body.children[index];
    if (!known) body.append(row);
    else if (!known.isEqualNode(row) && !known.contains(document.activeElement)) known.replaceWith(row);
    else if (known.contains(document.activeElement)) refresh(known, row);
  });
  while (body.children.length > made.length) body.lastElementChild.remove();
};
// Takes over the cells of a row around the one that has the focus.
const refresh = (known, row) => {
  const focused = [...known.cells].findIndex((it) => it.contains(document.activeElement));
  const same = known.dataset.name === row.dataset.name;
  if (!same) return known.replaceWith(row);
  [...row.cells].forEach((made, index) => {
    if (index !== focused && known.cells[index]) known.cells[index].replaceWith(made);
  });
};
const fetchJson = async (path) => {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error((await response.text()).trim() || response.statusText);
  return response.json();
};
