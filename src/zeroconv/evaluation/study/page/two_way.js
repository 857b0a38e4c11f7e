// The two-way test: first pictures of both systems to learn from, then single pictures: which system made this one?

function showTeaching(start, text) {
  const gallery = (letter) => element("section", {}, element("h2", {}, `System ${letter}`),
    element("div", { className: "gallery" }, ...study.teaching[letter].map((id) => enlargeable(id, `System ${letter}`))));
  const intro = element("p", { className: "soft" },
    "All pictures on the left were made by system A, all on the right by system B. Look at them as long as you like, then tell for new ",
    "pictures which of the two made them. A click enlarges a picture.");
  const systems = element("div", { className: "systems" }, ...Object.keys(study.teaching).sort().map(gallery));
  show([element("h1", {}, "Learn to tell the systems apart"), intro, systems],
    { bar: [messagePlace(), button(text, start, "main")] });
}

class TwoWay {
  constructor(screen, store, next, back, teach) {
    Object.assign(this, { screen, store, next, back, teach });
  }

  show() {
    const [item] = this.screen.order;
    const given = this.store.answerTo(this.screen);
    const choices = ["A", "B"].map((letter) => {
      const choice = button(`System ${letter}`, () => this.next(letter));
      choice.setAttribute("aria-pressed", given === letter);
      return choice;
    });
    const bar = [backButton(this.back), messagePlace(), button("Learn again", this.teach)];
    show([
      element("h1", {}, "Which system made this picture?"),
      element("div", { className: "single" }, enlargeable(item, "the picture")),
      element("div", { className: "choices" }, ...choices),
      keys([["A", "B"], "or"], [["←", "→"], "answer"], [["Space"], "enlarge"], [["Backspace"], "back"]),
    ], { bar });
  }

  key(event) {
    const letter = { a: "A", b: "B", ArrowLeft: "A", ArrowRight: "B", 1: "A", 2: "B" }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (letter) this.next(letter);
    else if (event.key === " ") enlarge(this.screen.order[0], "the picture");
    else return false;
    return true;
  }
}
