// The Predict tab (tabs/predict/).
window.page ??= {};

// The first answer, unless the visitor has asked for another by then.
const unlessShown = (first, shown) => shown || first;

// Show the tab's fields: they are far above the button that fills them.
function toTheTop(value) {
  document.querySelector("#tab-predict").scrollIntoView({block: "start"});
  return value;
}

page.predict = {toTheTop, unlessShown};
