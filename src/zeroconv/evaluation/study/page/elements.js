// Small parts of which the screens are made.

const study = JSON.parse(document.getElementById("study").textContent);
const main = document.getElementById("main"), footer = document.getElementById("footer");
const large = document.getElementById("large");

// An element: its properties, then its children (elements or texts).
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function picture(id, label) {
  return element("img", { src: study.images[id], alt: label, draggable: false });
}

// A picture that a click enlarges.
function enlargeable(id, label, tabIndex = 0) {
  const button = element("button", { className: "picture", type: "button", tabIndex, title: "enlarge" }, picture(id, label));
  button.addEventListener("click", (event) => { event.stopPropagation(); enlarge(id, label); });
  return button;
}

function enlarge(id, label) {
  large.replaceChildren(picture(id, label), element("p", { className: "soft" }, `${label} · any key or click closes`));
  large.showModal();
}

large.addEventListener("click", () => large.close());
large.addEventListener("keydown", (event) => { event.preventDefault(); event.stopPropagation(); large.close(); });

function show(children, { narrow = false, bar = [] } = {}) {
  main.className = narrow ? "narrow" : "";
  main.replaceChildren(...children);
  footer.replaceChildren(...bar);
  window.scrollTo(0, 0);
}

function button(text, onclick, className = "") {
  return element("button", { type: "button", className, onclick }, text);
}

// To the screen before; there is none before the first.
function backButton(back) {
  return Object.assign(button("Back", back), { disabled: back === null });
}

// What just happened or is missing, also for who listens instead of looking.
function say(text, isWarning = false) {
  const place = document.getElementById("message");
  if (place === null) return;
  place.className = isWarning ? "message warning" : "message";
  place.textContent = text;
}

function messagePlace() {
  return element("span", { id: "message", className: "message", role: "status" });
}

function keys(...pairs) {
  const parts = pairs.flatMap(([names, meaning]) => [...names.map((name) => element("kbd", {}, name)), ` ${meaning}   `]);
  return element("p", { className: "keys" }, ...parts);
}
