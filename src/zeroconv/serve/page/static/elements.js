// Small helpers: elements, labelled fields, and requests to the service the page came from.

let counter = 0;

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name in made && !name.startsWith("aria-")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const NAMESPACE = "http://www.w3.org/2000/svg";

export function shape(tag, attributes = {}) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function button(text, onclick, label = null, className = "") {
  return element("button", { type: "button", onclick, className: `zc-button ${className}`, "aria-label": label }, text);
}

// A label above a field, joined to it by its id; `hint` is read after the label.
export function labelled(text, field, hint = "") {
  const id = `zc-${(counter += 1)}`;
  field.id = id;
  const parts = [element("label", { htmlFor: id }, text), field];
  if (hint) {
    field.setAttribute("aria-describedby", `${id}-hint`);
    field.title = hint;
    parts.push(element("span", { id: `${id}-hint`, className: "zc-unseen" }, hint));
  }
  return element("div", { className: "zc-field" }, ...parts);
}

// A slider with its number beside it; either changes the other.
export function slider(text, { low, high, step, value, hint = "", onchange }) {
  const range = element("input", { type: "range", min: low, max: high, step, value });
  const number = element("input", { type: "number", min: low, max: high, step: "any", value, "aria-label": `${text}, as a number` });
  const take = (from, to) => () => {
    if (from.value === "" || Number.isNaN(Number(from.value))) return;
    to.value = from.value;
    onchange(Number(from.value));
  };
  range.addEventListener("input", take(range, number));
  number.addEventListener("input", take(number, range));
  const field = labelled(text, range, hint);
  field.classList.add("zc-slider");
  field.append(number);
  return field;
}

export function select(text, choices, value, onchange, hint = "") {
  const options = choices.map((choice) => (Array.isArray(choice) ? choice : [choice, choice]));
  const field = element("select", {}, ...options.map(([key, name]) => element("option", { value: key, selected: key === value }, name)));
  field.addEventListener("change", () => onchange(field.value));
  return labelled(text, field, hint);
}

export function checkbox(text, value, onchange, hint = "") {
  const box = element("input", { type: "checkbox", checked: value });
  box.addEventListener("change", () => onchange(box.checked));
  return element("label", { className: "zc-check", title: hint }, box, element("span", {}, text));
}

// Buttons of which one is pressed.
export function choice(text, choices, value, onchange) {
  const buttons = choices.map(([key, name]) => {
    const made = button(name, () => { press(key); onchange(key); });
    made.dataset.key = key;
    return made;
  });
  const press = (key) => buttons.forEach((each) => each.setAttribute("aria-pressed", each.dataset.key === key));
  press(value);
  return element("div", { className: "zc-choice", role: "group", "aria-label": text }, ...buttons);
}

export function address(path) {
  return new URL(`page/${path}`, document.baseURI).href;
}

// What the service answers to JSON, as JSON; a refusal becomes an Error with the service's own sentence.
export async function ask(path, body, signal = undefined) {
  const given = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const reply = await fetch(address(path), { ...given, signal });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(saidBy(answer) ?? `the service answered ${reply.status}`);
  return answer;
}

// What an error says, with a capital and an end.
export function sentence(text) {
  return text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function saidBy(answer) {
  const said = answer.error ?? answer.detail;
  return typeof said === "string" ? said : said?.message;
}

export function download(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// Runs `work` once calls have paused for `pause` milliseconds.
export function debounced(work, pause = 250) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(work, pause);
  };
}
