// The Predict tab (tabs/predict/).
window.page ??= {};

// Show the tab's fields: they are far above the button that fills them.
function toTheTop(value) {
  document.querySelector("#tab-predict").scrollIntoView({block: "start"});
  return value;
}

// In the pair's fields Enter asks, as the button does; Shift+Enter begins a new line. An input method
// takes its Enter for itself.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  if (!event.target.closest?.("#tab-predict .page-pair")) return;
  event.preventDefault();
  event.stopPropagation();
  document.querySelector("#press-predict")?.click();
}, true);

page.predict = {toTheTop};
