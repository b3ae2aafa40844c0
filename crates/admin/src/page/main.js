// Loads the page, and keeps it fresh while it is looked at.
const setState = (className, text) => {
  byId("state").className = className;
  byId("state-text").textContent = text;
};
const options = (select, values) => {
  for (const value of values)
    if (![...select.options].some((it) => it.value === value)) select.append(element("option", { value }, value));
};
const endpointRow = (row) => {
  const evidence = row.failures ? `${number(row.failures)}${row.evidence ? `, ${words(row.evidence)}` : ""}` : "–";
  const outage = row.outage == null ? "" : ` for ${duration(row.outage)}`;
  const name = row.gateway ? `${row.gateway} · ${row.endpoint}` : row.endpoint;
  const reset = row.breaker === "closed" && !row.failures ? "" :
    element("button", { type: "button", onclick: () => resetCircuit(row), "aria-label": `Reset the circuit of ${name}` }, "Reset …");
  const made = element("tr", {},
    element("td", { className: "url", title: name }, name), cell(row.transport), element("td", {}, circuit(row.breaker), outage),
    count(row.keys), count(row.available), count(row.active), count(row.connecting), count(row.waiting, "warn"),
    cell(evidence, row.failures ? "warn" : "soft"), cell(reset));
  made.dataset.name = row.name;
  return made;
};
const incidentRow = (it) => {
  const key = it.key && element("button", { type: "button", className: "link mono", onclick: () => openKey(it.key) }, it.key);
  const made = element("tr", {}, cell(clock(it.at)), cell(times(it)), cell(words(it.reason)), cell(key ?? "–"),
    element("td", { className: "url", title: it.endpoint ?? "" }, it.endpoint ?? "–"));
  made.dataset.name = `${it.at} ${it.key}`;
  return made;
};
const host = (url) => { try { return new URL(url).hostname; } catch { return null; } };
const loadStats = async () => {
  const stats = await fetchJson("pool/stats.json");
  byId("pool").textContent = stats.pool;
  document.title = `${stats.pool} – session pool`;
  byId("note").hidden = stats.recorded;
  const { endpoints } = stats;
  const more = stats.endpoint_count > endpoints.length ? `, ${number(endpoints.length)} shown` : "";
  byId("endpoint-count").textContent = `${number(stats.endpoint_count)}${more}`;
  fill(byId("endpoints").tBodies[0], endpoints.map(endpointRow), 10, "None was used yet.");
  fill(byId("incidents").tBodies[0], stats.incidents.map(incidentRow), 5, "Nothing yet.");
  options(byId("filter").elements.transport, new Set(endpoints.map((it) => it.transport)));
  options(byId("hosts"), new Set(endpoints.map((it) => host(it.endpoint)).filter(Boolean)));
  if (stats.status.closed) setState("ended", "the pool is closed");
};
const refreshAll = async () => {
  if (document.hidden) return;
  await Promise.all([loadStats(), loadKeys(), loadDetail()]).catch(() => {});
};
const listen = () => {
  const events = new EventSource("pool/events");
  events.addEventListener("open", () => setState("live", "live"));
  events.addEventListener("sample", (event) => {
    const sample = JSON.parse(event.data);
    if (sample && sample.at !== samples.at(-1)?.at) addSample(sample);
  });
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) return setState("", "connecting again");
    setState("ended", "not connected");
    setTimeout(listen, 5000);
  });
};
const start = async () => {
  build();
  startKeys();
  byId("drain").onclick = drain;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { drawAll(); refreshAll(); } });
  try {
    (await fetchJson("pool/history.json")).forEach(addSample);
  } catch (error) {
    setState("ended", error.message);
  }
  listen();
  await refreshAll();
  setInterval(refreshAll, 2000);
};
start();
