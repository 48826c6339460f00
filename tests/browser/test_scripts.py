"""The pure parts of the page's scripts, each on a blank page that loads the files alone."""

import re
from urllib.parse import parse_qs

import pytest

from tabs.page_data import block_markup
from tests.conftest import ROOT
from views.charts import Frame, line_chart
from web.page_files import IN_A_SCOPE


@pytest.fixture(scope="module")
def blank(browser):
    """blank(html, "page.js", ...) -> a page that holds the HTML and has loaded those files."""
    context = browser.new_context()

    def load(content, *names):
        page = context.new_page()
        # A page of an address of its own: about:blank may not change its address
        page.route("**", lambda route: route.fulfill(body=content, content_type="text/html"))
        page.goto("http://app.example/?a=1")
        for name in names:
            source = (ROOT / "static" / name).read_text(encoding="utf-8")
            page.add_script_tag(content=IN_A_SCOPE.format(name=name, source=source))
        return page

    yield load
    context.close()


def test_what_python_says_reaches_the_scripts_whatever_is_in_it(blank):
    said = {"a": "</template><script>window.x = 1</script>", "b": ["<!--", '"', "é 中", None, 1.5]}
    page = blank(block_markup("some-tab", said), "page.js")
    assert page.evaluate("page.data('some-tab')") == said
    assert page.evaluate("window.x ?? null") is None


def test_a_press_before_the_address_has_filled_the_fields_waits_for_it(blank):
    page = blank(
        '<button class="primary" onclick="window.pressed = (window.pressed ?? 0) + 1">Start</button>'
        '<button class="other" onclick="window.other = true">Other</button>',
        "page.js",
        "address.js",
    )
    start = page.locator("button.primary")
    for _press in range(2):
        start.click()
    page.locator("button.other").click()
    assert page.evaluate("[window.pressed ?? 0, window.other]") == [0, True]
    assert start.get_attribute("aria-busy") == "true"
    page.evaluate("page.address.filled()")
    page.wait_for_function("window.pressed === 1", timeout=5_000)
    assert start.get_attribute("aria-busy") is None
    start.click()
    assert page.evaluate("window.pressed") == 2


# ---------------------------------------------------------------- fields -> address


@pytest.fixture(scope="module")
def address(blank):
    return blank("", "page.js", "own_pairs.js", "address.js")


FIELDS = {
    "names": ["sentence1", "max_length", "truncation", "models", "eps"],
    "defaults": ["Hi.", 128, True, ["a", "b"], 1e-5],
}
DEFAULTS = FIELDS["defaults"]


def query(address, values, here="", tab="tokenize", function="query"):
    """What the address says of these values, as {name: text}."""
    said = address.evaluate(
        f"([tab, fields, values, here]) => page.address.{function}"
        "(tab, fields, values, new URLSearchParams(here)).toString()",
        [tab, FIELDS, values, here],
    )
    parsed = parse_qs(said, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in parsed.values())
    return {name: values[0] for name, values in parsed.items()}


def test_values_at_their_default_are_left_out(address):
    assert query(address, DEFAULTS) == {"tab": "tokenize"}
    assert query(address, [None, None, True, ["a", "b"], 0.00001]) == {"tab": "tokenize"}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (0, "Tea & cake <now>? 蛋糕 #1+1", {"sentence1": "Tea & cake <now>? 蛋糕 #1+1"}),
        (0, "", {"sentence1": ""}),
        (1, 64, {"max_length": "64"}),
        (2, False, {"truncation": "false"}),
        (3, ["b"], {"models": "b"}),
        (3, [], {"models": ""}),
        (3, ["a", "b", "run:0123"], {}),
        (4, 0.1, {"eps": "0.1"}),
        (4, 1e-8, {"eps": "1e-8"}),
    ],
)
def test_a_value_stands_in_the_address_as_it_was_typed(address, place, value, said):
    values = [*DEFAULTS]
    values[place] = value
    assert query(address, values) == {"tab": "tokenize", **said}


def test_a_tab_keeps_what_is_its_own_of_the_address(address):
    here = (
        "lang=zh&cell=input_ids.8&run=abc&topic=padding&hide=eps&lock=models&task=Look&walk=2&x=1"
        "&class=bcdf-ghjk-mnpq"
    )
    assert query(address, DEFAULTS, here) == {
        "tab": "tokenize",
        "lang": "zh",
        "cell": "input_ids.8",
    }
    assert query(address, DEFAULTS, here, "predict") == {"tab": "predict", "lang": "zh"}
    assert query(address, DEFAULTS, here, "fine-tune")["run"] == "abc"
    assert query(address, DEFAULTS, here, "layers")["topic"] == "padding"
    assert query(address, DEFAULTS, here, "predict", "queryWithKept") == {
        "tab": "predict",
        "lang": "zh",
        "run": "abc",
        "hide": "eps",
        "lock": "models",
        "task": "Look",
        "walk": "2",
        "class": "bcdf-ghjk-mnpq",
    }


@pytest.mark.parametrize(
    ("here", "tab"),
    [
        ("", "tokenize"),
        ("lang=zh", "tokenize"),
        ("run=abc", "fine-tune"),
        ("run=a&tab=x", "x"),
        ("class=a", "class"),
        ("class=a&run=b", "fine-tune"),
    ],
)
def test_the_tab_that_an_address_asks_for(address, here, tab):
    code = "here => page.address.openTab(new URLSearchParams(here), ['tokenize', 'fine-tune'])"
    assert address.evaluate(code, here) == tab


@pytest.mark.parametrize(
    ("search", "fills"),
    [
        ("", False),
        ("?lang=zh&walk=2&view=api&__theme=dark", False),
        ("?tab=predict", True),
        ("?task=Look", True),
        ("?lang=zh&seed=", True),
    ],
)
def test_the_server_is_asked_where_an_address_says_more_than_a_language(address, search, fills):
    assert address.evaluate("search => page.address.fillsFields(search)", search) is fills


def test_what_an_address_says_of_a_tab_stands_there_again_when_it_is_opened_again(address):
    there, left, back = address.evaluate(
        """search => {
          const asks = new URLSearchParams(search), left = {};
          page.address.changeTab(asks, "predict", "layers", left);
          const there = asks.toString(), kept = {...left};
          page.address.changeTab(asks, "layers", "predict", left);
          return [there, kept, asks.toString()];
        }""",
        "tab=predict&sentence1=Cats.&lock=sentence1&lang=zh&task=Look&run=abc",
    )
    assert parse_qs(there) == {
        "tab": ["layers"],
        "lang": ["zh"],
        "task": ["Look"],
        "run": ["abc"],
    }
    assert left == {"predict": [["sentence1", "Cats."], ["lock", "sentence1"]]}
    assert parse_qs(back) == {
        **parse_qs(there),
        "tab": ["predict"],
        "sentence1": ["Cats."],
        "lock": ["sentence1"],
    }


def test_what_is_chosen_in_a_picture_is_noted_of_the_open_tab_alone(blank):
    fields = block_markup("address", {"fields": {"tokenize": {}, "model": {}, "fine-tune": {}}})
    page = blank(fields, "page.js", "address.js")
    code = "(said) => { page.address.note(...said); return location.search; }"
    page.evaluate("history.replaceState(null, '', '?tab=model&layer=1')")
    assert page.evaluate(code, ["model", {"layer": 2, "token": 0}]) == "?tab=model&layer=2&token=0"
    assert page.evaluate(code, ["fine-tune", {"view": "map"}]) == "?tab=model&layer=2&token=0"
    assert page.evaluate(code, ["model", {"layer": None, "part": None}]) == "?tab=model&token=0"
    page.evaluate("history.replaceState(null, '', '?run=abc')")
    assert page.evaluate(code, ["fine-tune", {"view": "map"}]) == "?run=abc&view=map"


def test_what_gradio_defers_is_raised_with_what_was_told_last(address):
    same, data = address.evaluate(
        """() => {
          const seen = [];
          const ask = page.newest((_kind, data) => seen.push(data));
          ask("click", {row: 1, line: 2});
          ask("click", {row: 3});
          return [seen[0] === seen[1], seen[0]];
        }"""
    )
    assert same and data == {"row": 3}


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("space", "pathname", "link", "own"),
    [
        ("", "/", "http://a.example/", "http://a.example/"),
        ("", "/zh", "http://a.example/", "http://a.example/"),
        ("", "/x/zh/", "http://a.example/x/", "http://a.example/x/"),
        ("ann/pairs", "/zh", "https://huggingface.co/spaces/ann/pairs", "http://a.example/"),
    ],
)
def test_a_link_and_its_frame(blank, space, pathname, link, own):
    page = blank("", "page.js", "share.js")
    data = {"space": space, "languages": ["en", "zh"], "title": "A title"}
    said = page.evaluate(
        "([query, data, place]) => page.share.links(query, data, place)",
        ["tab=predict&seed=1", data, {"origin": "http://a.example", "pathname": pathname}],
    )
    assert said == [
        f"{link}?tab=predict&seed=1",
        f'<iframe src="{own}?tab=predict&amp;seed=1" title="A title" width="100%" height="900" '
        'style="border: 0" allow="clipboard-write"></iframe>',
    ]


# ---------------------------------------------------------------- a class


@pytest.fixture(scope="module")
def class_room(blank):
    return blank("", "address.js", "page.js", "share.js", "class_room.js")


def test_a_class_s_link_has_its_code_alone_and_the_teacher_s_key_no_server_hears(class_room):
    data = {"space": "", "languages": ["en", "zh"], "title": "A title"}
    here = {"origin": "http://a.example", "pathname": "/x/zh"}
    code = "(said) => page.classRoom.links(...said)"
    link, own = class_room.evaluate(code, ["bcdf-ghjk-mnpq", {"teacher": "0f"}, data, here])
    assert link == "http://a.example/x/?class=bcdf-ghjk-mnpq" and own == f"{link}#teacher=0f"
    assert class_room.evaluate(code, ["bcdf-ghjk-mnpq", {"pupil": "0f"}, data, here]) == [link, ""]


@pytest.mark.parametrize(
    ("search", "code"),
    [
        ("?class=bcdf-ghjk-mnpq", "bcdf-ghjk-mnpq"),
        ("?class=BCDF%20ghjkMNPQ&tab=x", "bcdf-ghjk-mnpq"),
        ("?class=", ""),
        ("?tab=class", ""),
    ],
)
def test_a_code_that_somebody_typed_is_the_link_s(class_room, search, code):
    assert class_room.evaluate("(search) => page.classRoom.codeIn(search)", search) == code


def test_a_browser_keeps_the_keys_of_its_last_classes(class_room):
    code = "([all, code, keys]) => page.classRoom.withKeys(all, code, keys)"
    both = class_room.evaluate(code, [{"a": {"pupil": "1"}}, "b", {"teacher": "2"}])
    assert both == {"a": {"pupil": "1"}, "b": {"teacher": "2"}}
    assert class_room.evaluate(code, [both, "a", {"left": "1"}])["a"] == {"left": "1"}
    many = {str(number): {} for number in range(30)}
    kept = class_room.evaluate(code, [many, "new", {}])
    assert len(kept) == 20 and "new" in kept and "0" not in kept


def test_a_link_brings_a_teacher_s_key_and_replaces_none(class_room):
    code = "([keys, brought]) => page.classRoom.withBrought(keys ?? undefined, brought)"
    brought = [None, {"pupil": "1"}, {"teacher": "right"}]
    assert [class_room.evaluate(code, [keys, "new"]) for keys in brought] == [
        {"teacher": "new"},
        {"teacher": "new", "pupil": "1"},
        {"teacher": "right"},
    ]


# ---------------------------------------------------------------- a browser's runs


@pytest.fixture(scope="module")
def fine_tune(blank):
    return blank("", "page.js", "fine_tune.js")


def test_a_browser_keeps_one_name_and_the_runs_of_all_its_tabs(fine_tune):
    merged = "([all, mine]) => page.fineTune.merged(all, mine)"
    all_tabs, mine = {"browser": "first", "a": "1"}, {"browser": "second", "b": "2"}
    assert fine_tune.evaluate(merged, [all_tabs, mine]) == {"browser": "first", "a": "1", "b": "2"}
    assert fine_tune.evaluate(merged, [{}, mine]) == mine
    assert fine_tune.evaluate(merged, [{}, None]) == {}
    many = {f"run{number}": "x" for number in range(30)}
    kept = fine_tune.evaluate(merged, [{"browser": "me", **many}, {"new": "y"}])
    assert len(kept) == 21 and kept["browser"] == "me" and kept["new"] == "y"
    assert "run10" not in kept and "run11" in kept


def test_what_the_storage_holds_is_added_to_or_replaced(fine_tune):
    """Whatever somebody else wrote there."""
    key = "fine-tunes-of-all-tabs"
    for stored in ("null", "7", "{", '{"a": "1"}'):
        fine_tune.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, stored])
        remembered = fine_tune.evaluate("page.fineTune.remember({b: '2'})")
        assert remembered == {**({"a": "1"} if "a" in stored else {}), "b": "2"}
        assert fine_tune.evaluate(f"JSON.parse(localStorage.getItem('{key}'))") == remembered


@pytest.mark.parametrize(
    ("shown", "told", "looks"),
    [
        ("aa", '{"run": "aa"}', 0),
        ("aa", '{"run": "bb"}', 1),  # another run's answer came late
        ("aa", "", 1),  # one that there was none
        ("", '{"run": "bb"}', 1),  # one of a run that was left
        ("", "", 0),
    ],
)
def test_another_run_that_was_drawn_than_is_shown_is_looked_at_again(blank, shown, told, looks):
    page = blank(f'<div id="run-id"><textarea>{shown}</textarea></div>', "page.js", "watch.js")
    asked = page.evaluate(
        """async (told) => {
          const asked = [];
          page.watch.begin(document.body, (event) => asked.push(event), {});
          page.watch.follow(told);
          await new Promise((done) => setTimeout(done, 600));
          return asked;
        }""",
        told,
    )
    page.close()
    assert asked == ["submit"] * looks


# ---------------------------------------------------------------- the keys of a grid


@pytest.fixture(scope="module")
def tokens(blank):
    return blank("", "tokens.js")


# A head without cells, two rows of three cells, one that can't be chosen, one row of two
WIDTHS_OF_ROWS = [0, 3, 3, 0, 2]


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        ("ArrowLeft", [1, 1], [1, 0]),
        ("ArrowLeft", [1, 0], None),
        ("ArrowRight", [1, 1], [1, 2]),
        ("ArrowRight", [1, 2], None),
        ("Home", [2, 2], [2, 0]),
        ("End", [4, 0], [4, 1]),
        ("ArrowDown", [1, 2], [2, 2]),
        ("ArrowDown", [2, 1], [4, 1]),
        ("ArrowDown", [2, 2], None),
        ("ArrowDown", [4, 0], None),
        ("ArrowUp", [4, 1], [2, 1]),
        ("ArrowUp", [1, 0], None),
    ],
)
def test_a_key_leads_to_the_next_cell_that_can_be_chosen(tokens, key, start, end):
    arguments = [key, start, WIDTHS_OF_ROWS]
    assert tokens.evaluate("(said) => page.tokens.destination(...said)", arguments) == end


@pytest.mark.parametrize("key", ["a", "Tab", "PageDown", "Enter", "constructor"])
def test_other_keys_are_left_to_the_browser(tokens, key):
    said = "(said) => page.tokens.destination(...said) === undefined"
    assert tokens.evaluate(said, [key, [1, 1], WIDTHS_OF_ROWS])


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ({"row": "input_ids", "line": 0, "position": 3}, "input_ids.3"),
        ({"row": "", "line": 2, "position": 17}, "2.17"),
        ({"row": "labels", "line": 2, "position": -1}, "2.labels"),
    ],
)
def test_the_address_names_a_cell(tokens, cell, name):
    assert tokens.evaluate("(cell) => page.tokens.cellName(cell)", cell) == name


# ---------------------------------------------------------------- the walk, the pair


@pytest.mark.parametrize(
    ("box", "height", "by"),
    [
        ([100, 200], 600, 0),  # in sight
        ([700, 800], 600, 450),  # to the middle
        ([-50, 40], 600, -305),
        ([300, 1200], 600, 284),  # too high: its top, with a margin
    ],
)
def test_how_far_the_walk_scrolls(blank, box, height, by):
    page = blank("", "page.js", "walk.js")
    assert page.evaluate("([box, height]) => page.walk.distance(box, height)", [box, height]) == by


def test_an_answer_is_out_of_date_once_another_pair_is_typed(blank):
    html = """<header class="page-head" data-stale="for the earlier text"></header>
    <div class="page-pair"><textarea id="one">A cat.</textarea><textarea>A dog.</textarea></div>
    <p id="made" data-pair='["A cat.", "A dog."]'>same</p>"""
    page = blank(html, "page.js", "pair.js")
    made = page.locator("#made")
    page.fill("#one", "A cat!")
    assert made.get_attribute("class") == "stale"
    assert made.get_attribute("data-stale-words") == "for the earlier text"
    page.fill("#one", "A cat.")
    assert not made.get_attribute("class")
    # What arrives late was made of an earlier pair, too
    page.fill("#one", "A bat.")
    page.evaluate("document.body.append(document.querySelector('#made').cloneNode())")
    page.wait_for_function("document.querySelectorAll('#made.stale').length === 2")
    stale = "(made) => page.pair.isStale(made, ['a', 'b'])"
    assert page.evaluate(stale, '["a", "b"]') is False and page.evaluate(stale, '["a", ""]') is True


def test_the_run_of_the_address_counts_as_shown_before_it_is_there(fine_tune):
    shown = "([id, search]) => { history.replaceState(null, '', search); return page.fineTune.shown(id); }"
    assert fine_tune.evaluate(shown, ["", "?tab=fine-tune"]) == ""
    assert fine_tune.evaluate(shown, ["", "?tab=fine-tune&run=abc"]) == "abc"
    assert fine_tune.evaluate(shown, ["def", "?tab=fine-tune&run=abc"]) == "def"


# ---------------------------------------------------------------- a chart's crosshair


@pytest.mark.parametrize("kind", ["linear", "log"])
def test_a_value_is_pointed_at_where_it_was_drawn(blank, kind):
    points = [(1, 0.9), (4, 0.2), (9, 1.7)]
    drawn = line_chart("Loss", {"a": points}, "step", "", x_max=12, logarithmic=True)
    page = blank(f"<main>{drawn}</main>", "page.js", "charts.js")
    path = page.locator(f".on-{kind} .series0 path").get_attribute("d")
    frame = Frame()
    for point, spot in zip(points, re.findall("[ML]([0-9.]+) ([0-9.]+)", path), strict=True):
        x, y = page.evaluate(
            """([kind, point]) => page.charts.placeOf(
                JSON.parse(document.querySelector("figure").dataset.chart), kind, point)""",
            [kind, point],
        )
        assert x / 100 * frame.width == pytest.approx(float(spot[0]), abs=0.1)
        assert y / 100 * frame.height == pytest.approx(float(spot[1]), abs=0.1)


def test_between_two_points_the_earlier_one_holds(blank):
    page = blank("", "page.js", "charts.js")
    at = "([points, step]) => page.charts.pointAt(points, step)"
    points = [[0, 0.7], [25, 0.6], [50, 0.5]]
    assert page.evaluate(at, [points, 49]) == [25, 0.6]
    assert page.evaluate(at, [points, 50]) == [50, 0.5]
    assert page.evaluate(at, [points[1:], 24]) is None


# ---------------------------------------------------------------- the batch's picture

RAGGED = {"lengths": [4, 2], "roles": ["s1s2", "s1pp"]}
LEFT = {"lengths": [4, 2], "roles": ["s1s2", "pps1"]}


@pytest.fixture(scope="module")
def picture(blank):
    return blank("", "batch.js")


@pytest.mark.parametrize(
    ("batch", "x", "y", "is_before", "cell"),
    [
        (RAGGED, 0.0, 0.0, False, [0, 0]),
        (RAGGED, 0.99, 0.99, False, [1, 3]),
        (RAGGED, 0.99, 0.99, True, None),
        (RAGGED, 0.3, 0.6, True, [1, 1]),
        (LEFT, 0.3, 0.6, True, [1, 3]),
        (RAGGED, 1.0, 0.5, False, None),
        (RAGGED, -0.1, 0.5, False, None),
    ],
)
def test_the_cell_at_a_place_of_the_picture(picture, batch, x, y, is_before, cell):
    found = picture.evaluate("(said) => page.batch.cellAt(...said)", [batch, x, y, is_before])
    assert (found and [found["line"], found["position"]]) == cell


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("harbor", 6, "harbor"),
        ("passengers", 7, "passen…"),
        ("😀😀😀", 2, "😀…"),
        ("[SEP]", 5, "[SEP]"),
    ],
)
def test_a_piece_that_is_too_long_for_its_cell_is_cut(picture, text, most, shown):
    assert picture.evaluate("(said) => page.batch.cut(...said)", [text, most]) == shown


@pytest.mark.parametrize(
    ("roles", "before", "after"),
    [("s1pp", [0, 1, 5, 6], [0, 1, 2, 3]), ("pps1", [-2, -1, 0, 1], [0, 1, 2, 3])],
)
def test_padding_slides_in_from_its_side(picture, roles, before, after):
    code = "([roles, t]) => [0, 1, 2, 3].map((at) => page.batch.placeAt(roles, at, t))"
    assert picture.evaluate(code, [roles, 0]) == before
    assert picture.evaluate(code, [roles, 1]) == after


# ---------------------------------------------------------------- the choice of pairs


def test_only_the_open_tabs_choice_is_copied(blank):
    """Two that copied each other, both filled at once with different pairs, never came to rest."""
    page = blank('<p id="tab-tokenize" hidden>a</p><p id="tab-fine-tune">b</p>', "page.js")
    copied = "tab => page.ofOpenTab(tab, 'mrpc')"
    assert page.evaluate(copied, "fine-tune") == "mrpc"
    assert page.evaluate(copied, "tokenize") == {"__type__": "update"}


# ---------------------------------------------------------------- the page's pair


def test_only_one_tabs_pair_is_copied(blank):
    """Two tabs that copied each other's half-filled pairs never came to rest: the page hung."""
    fields = '<div class="page-pair"><textarea></textarea><textarea></textarea></div>'
    page = blank(
        f'<div id="tab-tokenize" hidden>{fields}</div><div id="tab-predict" hidden>{fields}</div>',
        "page.js",
        "pair.js",
    )
    copied = "tab => page.pair.copy(tab, ['a', 'b'], 2)"
    kept = [{"__type__": "update"}] * 2
    assert page.evaluate(copied, "tokenize") == ["a", "b"]
    assert page.evaluate(copied, "predict") == kept
    page.evaluate("document.getElementById('tab-predict').hidden = false")
    assert page.evaluate(copied, "tokenize") == kept
    assert page.evaluate(copied, "predict") == ["a", "b"]


# ---------------------------------------------------------------- the heads


@pytest.mark.parametrize(
    "call, value",
    [
        ("percent(9110)", "91%"),
        ("percent(49)", "0%"),
        ("percent(50)", "1%"),
        ("largest([3, 9, 1, 9], 3)", [1, 3, 0]),
        ("rowAt(0.5, 36)", 18),
        ("rowAt(1, 36)", 35),
        ("rowAt(-0.1, 36)", 0),
        ("askedIn('?tab=model&layer=3&head=10&token=7')", {"layer": 3, "head": 10, "token": 7}),
        ("askedIn('?tab=model&layer=3&head=mean')", {"layer": 3, "head": "mean", "token": None}),
        ("askedIn('?tab=model&layer=3&head=x')", None),
        ("askedIn('?tab=layers&layer=3&head=1')", None),
    ],
)
def test_what_the_heads_script_reckons(attention_script, call, value):
    assert attention_script.evaluate(f"page.attention.{call}") == value


@pytest.fixture(scope="module")
def attention_script(blank):
    return blank("", "page.js", "attention.js")


HEADS = """
<div id="heads"><div class="attention-heads" data-inputs="new" data-shares="{}"><div class="head-grid">
<div role="row"></div><div role="row"><button role="gridcell" data-layer="1" data-head="1"></button>
<button role="gridcell" data-layer="1" data-head="2"></button></div></div></div></div>
<div id="head"><div class="attention-head" data-inputs="old" data-layer="1" data-head="2" data-token="1" data-rows="all"
data-shares="[[9000,1000],[2000,8000]]" data-picture=""><h2><b class="looks-from"></b></h2>
<div class="card special"><b>[CLS]</b><span></span></div><div class="card sentence1"><b>rain</b><span></span></div>
<output></output></div></div><div id="looks"></div>"""
LISTEN_TO_HEADS = """() => {
    page.address = {note() {}};
    window.sent = []; window.drawn = [];
    const watch = (name, told) => drawn.push(told);
    page.attention.listen(heads, (_kind, data) => sent.push(structuredClone(data)), watch);
    page.attention.listenToHead(head, watch);
    page.attention.listenToLooks(looks, watch);
}"""


def test_a_late_answer_to_another_pair_is_never_shown_as_this_ones(blank):
    """It is dimmed, and what belongs to the pictures is asked for."""
    page = blank(HEADS, "page.js", "tokens.js", "attention.js")
    page.evaluate(LISTEN_TO_HEADS)
    late = "() => document.querySelector('.attention-head').matches('.late[aria-busy=true]')"
    assert page.evaluate(late)
    page.wait_for_function("sent.length")
    asked = {"inputs": "new", "layer": 1, "head": 2, "token": None}
    # While it is answered nothing more is asked
    page.evaluate("drawn[0](); drawn[2]()")
    page.locator("[data-head='1']").first.dispatch_event("click")
    page.locator("[data-head='2']").first.dispatch_event("click")
    page.wait_for_timeout(300)
    assert page.evaluate("sent") == [asked] and page.evaluate(late)
    # Nor where an answer to something else comes first: its own answer is still awaited
    page.evaluate("drawn[1]()")
    page.wait_for_timeout(300)
    assert page.evaluate("sent") == [asked] and page.evaluate(late)
    assert page.locator(".looks-from").inner_text() == ""

    page.evaluate("document.querySelector('.attention-head').dataset.inputs = 'new'")
    page.evaluate("for (const told of drawn) told()")
    page.wait_for_function("document.querySelector('.looks-from').textContent === 'rain'")
    assert not page.evaluate(late)
    assert page.locator(".card span").all_inner_texts() == ["20%", "80%"]
    # The other head: its answer isn't there yet, the old one's is dimmed
    page.locator("[data-head='1']").first.dispatch_event("click")
    assert page.evaluate(late)
    page.wait_for_function("sent.length === 2")
    assert page.evaluate("sent[1]") == {"inputs": "new", "layer": 1, "head": 1, "token": 1}
