// The table of keys, page by page from the server, and one key in detail.
const COLUMNS = [
  ["Key", "fingerprint"], ["Endpoint"], ["Scope"], ["In use", "in_use", "n"], ["Sessions", "sessions", "n"],
  ["Waiting", "waiting", "n"], ["Oldest session", "oldest", "n"], ["Not used for", "idle_for", "n"], ["Last error"],
];
const query = { order: "waiting" };
let cursors = [null], next = null, isLoading = false, wantsReload = false;
const header = () => {
  const cells = COLUMNS.map(([title, order, className = ""]) => {
    if (!order) return element("th", { scope: "col", className }, title);
    const sort = element("button", { type: "button", onclick: () => { query.order = order; fromFirst(); } }, title);
    const made = element("th", { scope: "col", className }, sort);
    if (query.order === order) made.setAttribute("aria-sort", order === "fingerprint" ? "ascending" : "descending");
    return made;
  });
  const row = byId("key-table").tHead.rows[0];
  const focused = [...row.cells].findIndex((it) => it.contains(document.activeElement));
  row.replaceChildren(...cells);
  if (focused >= 0) row.cells[focused].querySelector("button")?.focus();
};
const keyRow = (key) => {
  const error = key.last_error && `${words(key.last_error.kind)}, ${duration(key.last_error.ago)} ago`;
  const row = element("tr", {},
    cell(element("button", { type: "button", className: "link mono", onclick: () => openKey(key.fingerprint) }, key.fingerprint)),
    element("td", { className: "url", title: key.endpoint }, key.endpoint),
    cell(key.scope), count(key.in_use), cell(`${number(key.available + key.active + key.connecting)} / ${number(key.max)}`, "n"),
    count(key.waiting, "warn"), cell(duration(key.oldest), "n"), cell(duration(key.idle_for), "n"), cell(error ?? "–", error ? "warn" : "soft"));
  row.dataset.name = key.fingerprint;
  return row;
};
const parameters = () => {
  const form = new FormData(byId("filter"));
  const all = new URLSearchParams({ order: query.order });
  for (const name of ["host", "transport", "scope", "condition", "limit"]) {
    const value = String(form.get(name) ?? "").trim();
    if (value) all.set(name, value);
  }
  if (cursors.at(-1)) all.set("after", cursors.at(-1));
  return all;
};
const loadKeys = async () => {
  if (isLoading) { wantsReload = true; return; }
  isLoading = true;
  try {
    const page = await fetchJson(`pool/keys.json?${parameters()}`);
    next = page.next;
    const number_ = cursors.length;
    byId("key-count").textContent = `${number(page.matching)}`;
    byId("page-number").textContent = `Page ${number(number_)}`;
    byId("first").disabled = byId("previous").disabled = number_ === 1;
    byId("next").disabled = next === null;
    fill(byId("key-table").tBodies[0], page.rows.map(keyRow), COLUMNS.length, "No key matches.");
  } catch (error) {
    toast(`The keys were not loaded: ${error.message}`);
  }
  isLoading = false;
  if (wantsReload) { wantsReload = false; loadKeys(); }
};
const fromFirst = () => { cursors = [null]; header(); return loadKeys(); };
const startKeys = () => {
  header();
  byId("filter").addEventListener("submit", (event) => {
    event.preventDefault();
    const fingerprint = byId("filter").elements.fingerprint.value.trim().toLowerCase();
    if (fingerprint) openKey(fingerprint);
    fromFirst();
  });
  byId("filter").addEventListener("change", (event) => { if (event.target.name !== "fingerprint") fromFirst(); });
  byId("first").onclick = fromFirst;
  byId("previous").onclick = () => { cursors.pop(); loadKeys(); };
  byId("next").onclick = () => { if (next) { cursors.push(next); loadKeys(); } };
  byId("detail-close").onclick = () => byId("detail").close();
  byId("detail").addEventListener("close", () => { if (!byId("detail").open) opened = null; });
  byId("evict").onclick = () => evict(opened, false);
  byId("evict-force").onclick = () => evict(opened, true);
};
let opened = null;
const openKey = async (key) => {
  opened = key;
  byId("detail-key").textContent = key;
  byId("detail-body").replaceChildren();
  if (!byId("detail").open) byId("detail").showModal();
  await loadDetail();
};
const table = (titles, rows, nothing) => {
  const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)));
  const body = element("tbody");
  fill(body, rows, titles.length, nothing);
  return element("div", { className: "scroll" }, element("table", {}, element("thead", {}, head), body));
};
const loadDetail = async () => {
  if (!opened || !byId("detail").open) return;
  const body = byId("detail-body");
  let key;
  try {
    key = await fetchJson(`pool/keys/${opened}`);
  } catch (error) {
    body.replaceChildren(element("p", {}, `This key is ${error.message}: it may have been evicted.`));
    return;
  }
  const { stats } = key;
  if (stats.fingerprint !== opened) return;
  const facts = [
    ["Endpoint", stats.endpoint], ["Gateway entry", key.gateway ?? "–"], ["Transport", stats.transport], ["Scope", stats.scope],
    ["Circuit", words(stats.breaker)], ["Sessions", `${number(stats.available + stats.active)} of ${number(stats.max)}`],
    ["Calls in flight", number(stats.in_use)], ["Not used for", duration(stats.idle_for)],
    ["Last error", stats.last_error ? `${words(stats.last_error.kind)}, ${duration(stats.last_error.ago)} ago` : "–"],
  ];
  const sessions = key.sessions.map((it) => element("tr", {},
    cell(it.session ?? "–", "mono"), cell(it.protocol_version), cell(duration(it.age)), cell(`${number(it.in_use)} of ${number(it.slots)}`),
    cell(number(it.uses)), cell(it.server_stream), cell(it.suspect ? "to be checked" : "good", it.suspect ? "warn" : "good")));
  const waiters = key.waiters.map((it) => element("tr", {}, cell(words(it.stage)), cell(duration(it.waited)), cell(duration(it.left))));
  const incidents = key.incidents.map((it) => element("tr", {},
    cell(clock(it.at)), cell(times(it)), cell(words(it.reason)), cell(duration(it.age)), cell(it.uses == null ? "–" : number(it.uses))));
  body.replaceChildren(
    element("dl", { className: "facts" }, ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
    element("h3", {}, "Sessions"),
    table(["Session", "Revision", "Age", "Calls", "Handed out", "Server stream", "State"], sessions, "None is open."),
    element("h3", {}, "Who waits"),
    table(["For", "Since", "Gives up in"], waiters, "No caller waits."),
    element("h3", {}, "What happened last"),
    table(["When", "What", "Reason", "Age", "Handed out"], incidents, "Nothing yet."),
  );
};
const times = (incident) => words(incident.kind) + (incident.count > 1 ? `, ${number(incident.count)} times` : "");
