// What an operator may do. Each action is confirmed first.
let toastTimer;
const toast = (text) => {
  byId("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { byId("toast").textContent = ""; }, 6000);
};
const confirmed = (title, text, action) => new Promise((resolve) => {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = action;
  let answer = false;
  byId("confirm-yes").onclick = () => { answer = true; dialog.close(); };
  byId("confirm-no").onclick = () => dialog.close();
  dialog.onclose = () => resolve(answer);
  dialog.showModal();
});
const post = async (path, body) => {
  const headers = { "content-type": "application/json", "x-mcp-pool-action": "1" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
};
const act = async (title, text, action, path, body, report) => {
  if (!(await confirmed(title, text, action))) return;
  try {
    const answer = await post(path, body);
    // The key in detail may be gone.
    byId("detail").close();
    toast(report(answer));
  } catch (error) {
    toast(`It failed: ${error.message}`);
  }
  refreshAll();
};
const evictions = (report) =>
  `${number(report.keys)} keys: ${number(report.closing)} sessions are being closed, ${number(report.in_use)} in use, ${number(report.connecting)} opening.`;
const evict = (key, force) => {
  const text = force
    ? "Its sessions are closed at once, those in use under their callers."
    : "Its idle sessions are closed now, those in use when their calls end. The next caller gets a new session.";
  return act(`Evict key ${key}?`, text, "Evict", "pool/evict", { key, force }, evictions);
};
const resetCircuit = (row) => act(
  "Reset the circuit?",
  `Every failure of ${row.endpoint} is forgotten, and new sessions are opened at once.`,
  "Reset", "pool/reset-circuit", { endpoint: row.name }, (status) => `The circuit is ${words(status.state)}.`,
);
const drain = () => act(
  "Drain the pool?",
  "Every session is replaced: idle ones are closed now, those in use when their calls end.",
  "Drain", "pool/drain", {}, evictions,
);
