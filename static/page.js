// What all of the page's scripts use. Each file of this folder hangs its functions on `page`, under
// its own name (page.address, page.walk, ...), so that `js=` and `js_on_load=` in Python hold one
// call. web/page_files.py sends all files as one, each in a scope of its own.
window.page ??= {};

const blocks = {};

// What Python says to the scripts of `name` (tabs/page_data.py). It is parsed once, for it stays
// the same while the page is open.
page.data = (name) =>
  (blocks[name] ??= JSON.parse(document.getElementById(`page-data-${name}`).content.textContent));

// Press the buttons of class `name` whose section is open. What is folded costs the server nothing.
page.pressOpen = (name) => {
  for (const button of document.querySelectorAll(`button.${name}`)) {
    const fold = button.closest(".gr-accordion")?.querySelector(":scope > button.label-wrap");
    if (fold?.classList.contains("open")) button.click();
  }
};
