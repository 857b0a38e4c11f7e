// From the rater's name through all screens to the thanks.

const store = new Store(`zeroconv-study/${study.id}`);
const questions = study.questions ?? [{ name: "system" }];
let current = null;
let since = 0;

// Rater 1 gets the first plan, rater 2 the second; a name gets one by its letters.
function planOf(rater) {
  const letters = [...rater].reduce((sum, letter) => (Math.imul(sum, 31) + letter.codePointAt(0)) >>> 0, 7);
  return study.plans[(/^[1-9][0-9]{0,5}$/.test(rater) ? Number(rater) - 1 : letters) % study.plans.length];
}

function screensOf(rater) {
  return planOf(rater).flatMap(([task, order]) => questions.map((about) => {
    const { id, items, guide, prompt } = study.tasks[task];
    return { task: id, question: about.name, order: order.map((at) => items[at]), about, guide, prompt };
  }));
}

function render() {
  current = null;
  const state = store.state;
  const screens = state ? screensOf(state.rater) : [];
  const position = state ? state.position : 0;
  tellProgress(screens.length, position);
  if (state === null) showStart();
  else if (position < 0) showTeaching(() => go(0), "Start the test");
  else if (position >= screens.length) showEnd(screens);
  else showScreen(screens[position], position);
}

function go(position) {
  store.move(position);
  render();
}

function showScreen(screen, position) {
  since = performance.now();
  const next = (answer) => {
    store.add(screen, answer, (performance.now() - since) / 1000);
    go(position + 1);
  };
  const back = position > 0 || study.teaching ? () => go(position - 1) : null;
  const teach = () => { current = null; showTeaching(render, "Back to the test"); };
  current = study.test === "ranking" ? new Ranking(screen, store, next, back) : new TwoWay(screen, store, next, back, teach);
  current.show();
  warn();
}

function tellProgress(count, position) {
  const done = Math.min(Math.max(position, 0), count);
  const step = study.test === "ranking" ? questions.length : 1;
  const group = `${study.test === "ranking" ? "Group" : "Picture"} ${Math.floor(done / step) + 1} of ${count / step}`;
  const part = step > 1 ? `, question ${(done % step) + 1} of ${step}` : "";
  const isAsked = count > 0 && position >= 0 && done < count;
  document.getElementById("title").textContent = study.title;
  document.getElementById("where").textContent = isAsked ? group + part : "";
  Object.assign(document.getElementById("progress"), { value: done, max: Math.max(count, 1) });
}

function showStart() {
  const given = new URLSearchParams(location.hash.slice(1)).get("rater") ?? "";
  const rater = element("input", { id: "rater", value: given, maxLength: 40, autocomplete: "off", autocapitalize: "off" });
  if (store.isServed && !given) askNumber(rater);
  const begin = () => {
    if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(rater.value.trim())) {
      say("Please give your number or a name of letters and digits.", true);
      rater.focus();
      return;
    }
    store.begin(rater.value.trim());
    render();
  };
  const groups = study.tasks.length;
  const what = study.test === "ranking"
    ? [`You will see ${groups} groups of ${study.tasks[0].items.length} pictures and put each group in order.`]
    : [`You will learn to tell two systems apart by ${study.teaching.A.length} pictures of each, then see ${groups} new pictures, one at a time.`];
  const points = [...what, "Trust your eyes: there is no right or wrong opinion, and no hurry.",
    "Your answers are kept by this browser; you may close the page and go on later.",
    store.isServed ? "They are sent to the server as you go." : "At the end you download them as a file."];
  show([
    element("h1", {}, study.title),
    element("ul", {}, ...points.map((text) => element("li", {}, text))),
    element("label", { htmlFor: "rater" }, "Your number, or a name of your choice"),
    element("div", { className: "row" }, rater, button("Start", begin, "main")),
    messagePlace(),
  ], { narrow: true });
  rater.addEventListener("keydown", (event) => { if (event.key === "Enter") begin(); });
  rater.focus();
  warn();
}

async function askNumber(field) {
  try {
    const reply = await fetch("rater", { method: "POST" });
    if (reply.ok && !field.value) field.value = (await reply.text()).trim();
  } catch { /* the rater types one */ }
}

function showEnd(screens) {
  const open = screens.filter((screen) => store.answerTo(screen) === undefined).length;
  const sent = !store.isServed ? "Please download your answers and hand the file in."
    : store.waiting ? `${store.waiting} answers have not reached the server yet; please keep this page open.`
      : "All your answers have reached the server; you may close this page.";
  show([
    element("h1", {}, "Thank you!"),
    element("p", { id: "sent" }, sent),
    open ? element("p", { className: "warning" }, `${open} questions have no answer.`) : element("p", { className: "soft" },
      `${screens.length} answers given by rater ${store.state.rater}.`),
    element("div", { className: "row" }, button("Download the answers", download, store.isServed ? "" : "main"),
      button("Go back and look again", () => go(screens.length - 1)),
      button("Next rater at this device", () => { store.leave(); render(); })),
    messagePlace(),
  ], { narrow: true });
  warn();
}

function download() {
  const url = URL.createObjectURL(new Blob([store.text()], { type: "application/jsonl" }));
  const link = element("a", { href: url, download: `answers-${study.id}-${store.state.rater.replaceAll(" ", "-")}.jsonl` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function warn() {
  if (!store.isKept) say("This browser keeps nothing: do not close the page before you have downloaded the answers.", true);
  else if (store.trouble) say(store.trouble, true);
}

document.addEventListener("keydown", (event) => {
  if (current === null || large.open || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const isOnButton = document.activeElement.tagName === "BUTTON" && !document.activeElement.closest(".card");
  if (isOnButton && ["Enter", " "].includes(event.key)) return;
  if (event.key === "Backspace") current.back?.();
  else if (!current.key(event)) return;
  event.preventDefault();
});

store.onchange = () => {
  if (store.state && store.state.position >= screensOf(store.state.rater).length) render();
  else warn();
};

render();
store.send();
