// From a run to what comes next, and the list of a browser's runs (tabs/fine_tune/diagnosis.py,
// tabs/fine_tune/runs_list.py).
window.page ??= {};

// Open the Predict tab at its sentences. The server chooses the run's model meanwhile.
function toPredict() {
  page.openTab("tab-predict");
  const look = (tries) => {
    const field = document.querySelector("#tab-predict textarea");
    if (field?.offsetParent) {
      field.focus({preventScroll: true});
      window.scrollTo({top: 0});
    } else if (tries) {
      setTimeout(look, 100, tries - 1);
    }
  };
  look(50);
}

// Open the card of that id and bring it into sight.
function openCard(id) {
  const fold = document.querySelector(`#${id} > button.label-wrap`);
  if (!fold) return;
  if (!fold.classList.contains("open")) fold.click();
  fold.focus({preventScroll: true});
  fold.scrollIntoView({block: "start", behavior: "auto"});
}

// A button of the list stops the run that it names.
function listen(element, trigger) {
  element.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-stop]");
    if (!button) return;
    button.disabled = true;
    trigger("click", {stop: button.dataset.stop});
  });
}

page.runs = {listen, openCard, toPredict};
