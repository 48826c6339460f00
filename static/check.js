// "Check yourself" (tabs/check_yourself.py): what is asked of the server stands in each button.
window.page ??= {};

function listen(element, trigger, watch) {
  let isAsked = false; // by a button of this section, so that the focus is on what was drawn anew
  element.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-ask]");
    if (!button) return;
    isAsked = true;
    button.setAttribute("aria-busy", "true");
    trigger("click", JSON.parse(button.dataset.ask));
  });
  // The button is gone: a keyboard goes on, and a screen reader reads, from the verdict, or from the
  // next question. After Gradio has put it there
  const drawn = () => {
    if (!isAsked) return;
    isAsked = false;
    element.querySelector("[data-focus]")?.focus({preventScroll: true});
  };
  watch("value", () => requestAnimationFrame(() => requestAnimationFrame(drawn)));
}

page.check = {listen};
