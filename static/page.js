// What all of the page's scripts use. Each file of this folder hangs its functions on `page`, under
// its own name (page.address, page.walk, ...), so that `js=` and `js_on_load=` in Python hold one
// call. web/scripts.py sends all files as one, each in a scope of its own.
window.page ??= {};

const blocks = {};

// What Python says to the scripts of `name` (tabs/page_data.py). It stays the same while the page is
// open, so that it is parsed once.
page.data = (name) =>
  (blocks[name] ??= JSON.parse(document.getElementById(`page-data-${name}`).content.textContent));
