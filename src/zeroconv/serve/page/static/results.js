// What can be done with a result: its request as text, comparing it with its inputs, back into the form.

import { address, ask, button, choice, element, labelled } from "./elements.js";

const dialog = element("dialog", { className: "zc-dialog" });

export function startResult(place, { trigger }) {
  place.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    const job = event.target.closest("[data-job]")?.dataset.job;
    const figure = event.target.closest("[data-index]");
    if (act === "restore") trigger("restore", { job });
    else if (act === "request") showRequest(job, figure.dataset.index, trigger);
    else if (act === "start") window.zeroconv.start.begin(figure.querySelector("img").src);
    else if (act === "compare") compare(place, figure.querySelector("img"));
  });
}

export function startHistory(place, { trigger }) {
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", "Made before");
  place.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    if (pressed) trigger(pressed.dataset.act, { job: pressed.dataset.job });
  });
}

function open(title, ...content) {
  const close = button("Close", () => dialog.close());
  dialog.setAttribute("aria-label", title);
  dialog.replaceChildren(element("header", {}, element("h2", {}, title), close), ...content);
  if (!dialog.isConnected) document.body.append(dialog);
  dialog.showModal();
}

async function showRequest(job, index, trigger) {
  const texts = await ask(`jobs/${job}/requests/${index}`);
  const names = [["command", "Command"], ["python", "Python"], ["json", "run.json"]];
  const area = element("textarea", { readOnly: true, rows: 14, spellcheck: false, wrap: "off" });
  const said = element("p", { className: "zc-soft", role: "status" });
  const show = (key) => { area.value = texts[key]; said.textContent = ""; };
  show("command");
  const copy = button("Copy", async () => { said.textContent = (await copied(area)) ? "Copied." : "Please copy the marked text yourself."; }, null, "main");
  const restore = button("Back into the form", () => { dialog.close(); trigger("restore", { job, index: Number(index) }); });
  const all = element("a", { className: "zc-button", href: address(`jobs/${job}/run.zip`), download: "" }, "Download the run with its inputs");
  open("The request of this picture", choice("As", names, "command", show), labelled("Text", area),
    element("p", { className: "zc-soft" }, "To make it again, unpack the run and type the command in its folder."),
    element("div", { className: "zc-tools" }, copy, restore, all), said);
}

async function copied(area) {
  area.select();
  try {
    await navigator.clipboard.writeText(area.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function compare(place, picture) {
  const others = [...place.querySelectorAll("[data-role]")];
  if (!others.length) return;
  const below = element("img", { src: others[0].src, alt: others[0].alt });
  const above = element("img", { src: picture.src, alt: picture.alt, className: "above" });
  const range = element("input", { type: "range", min: 0, max: 100, value: 50, className: "zc-wipe" });
  const wipe = () => { above.style.clipPath = `inset(0 0 0 ${range.value}%)`; line.style.left = `${range.value}%`; };
  const line = element("div", { className: "zc-line", "aria-hidden": "true" });
  range.addEventListener("input", wipe);
  wipe();
  const names = others.map((other, at) => [String(at), other.alt]);
  const pick = choice("Compare with", names, "0", (at) => { below.src = others[at].src; below.alt = others[at].alt; });
  open("Compare", pick, element("div", { className: "zc-compare" }, below, above, line), labelled("How much of the picture is shown", range));
  range.focus();
}
