// From a run to what comes next, and the list of a browser's runs (tabs/fine_tune/diagnosis.py,
// tabs/fine_tune/runs_list.py), and the question before one is added (tabs/fine_tune/start_another.py).
window.page ??= {};

// Open the Predict tab at its sentences. The server chooses the run's model meanwhile.
function toPredict() {
  page.openTab("tab-predict");
  page.once("#tab-predict textarea", (field) => {
    field.focus({preventScroll: true});
    window.scrollTo({top: 0});
  });
}

let asker = null; // what had the focus before the question

// Whether to add a run is asked, or answered: the keyboard is at the first answer, then where it was.
function question(text) {
  if (!text) return asker?.focus({preventScroll: true});
  asker = document.activeElement;
  page.once("#start-another button", (first) => first.focus({preventScroll: true}));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("#start-another button:last-of-type")?.click();
});

// A button of the list stops the run that it names, one of a grid opens it.
function listen(element, trigger) {
  element.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-stop], button[data-run]");
    if (!button) return;
    button.disabled = "stop" in button.dataset;
    trigger("click", {...button.dataset});
    if (!button.disabled) {
      const top = {block: "start", behavior: page.scrolling()};
      document.querySelector("#run-status").scrollIntoView(top);
    }
  });
}

page.runs = {listen, question, toPredict};
