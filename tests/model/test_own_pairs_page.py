"""A visitor's own pairs on the page, below the browser: what is read and said, who gets what, and that a run on them tells a watcher no sentence."""

import csv
import html
import io
import json
import re
import time
import zipfile
from pathlib import Path

import gradio as gr
import pytest
from gradio.utils import get_upload_folder

from app import build_app
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.export.model import files_of
from pipeline.own_pairs import store
from pipeline.runs.queue import read_run
from pipeline.settings import EMBEDDED_CHECKPOINT, Settings
from pipeline.task import TASKS, task_named
from tabs.address import opened
from tabs.fine_tune.api import build_fine_tune
from tabs.fine_tune.changed_pairs import changes_of
from tabs.fine_tune.owned_runs import check_pairs
from tabs.fine_tune.run_panel import RunPanel, status_of
from tabs.fine_tune.script import forget_packed, packed_pairs, provenance_of, script_of
from tabs.fine_tune.tab import build_tab as build_fine_tune_tab
from tabs.fine_tune.theatre import build_sentence, build_theatre
from tabs.own_pairs import GONE, RecentTexts, build_own_pairs
from tabs.tokenize.api import tokenize_endpoint
from tabs.tokenize.tab import build_tab
from tabs.tokenize.why import explain_batch_cell
from tabs.which_pairs import KEY_PREFIX, build_choice, choices_of, task_of_key
from tests.support.in_process import InProcess, trained

SECRET = "zebrafish"  # stands in each sentence of the own pairs, and nowhere else
REST = [EMBEDDED_CHECKPOINT, 128, True]


def own_csv(count=40, second=True):
    """Semicolons, GBK, and a last row that can't be used."""
    heads = ["句子一", "句子二", "标签"] if second else ["句子", "标签"]
    rows = [
        [
            f"{SECRET} 第{i}家公司",
            *([f"第{i}家 {SECRET}"] if second else []),
            "相似" if i % 2 else "不相似",
        ]
        for i in range(count)
    ]
    rows.append(["", *heads[2:], "相似"])
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerows([heads, *rows])
    return written.getvalue().encode("gb18030")


def said(drawn):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", str(drawn))).split())


@pytest.fixture(scope="module")
def settings(small_folder, tmp_path_factory):
    settings = Settings(
        mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder"
    )
    return InProcess(trained).serves(settings)


@pytest.fixture(scope="module")
def page(settings):
    """(the panel, the two dropdowns, the Tokenize tab, the Fine-tune tab)."""
    with gr.Blocks():
        own = build_own_pairs(settings)
        tokenize, fine_tune = build_tab(settings), build_fine_tune_tab(settings)
        fields = [tokenize.choice, fine_tune.choice]
        own.listen(fields, [tokenize.bring, fine_tune.bring])
        return own, fields, tokenize, fine_tune


def dropped(content, name="mine.csv"):
    """The path of a file as Gradio puts an upload."""
    folder = Path(get_upload_folder()) / f"drop-{time.monotonic_ns()}"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    return str(folder / name)


def used(page, content):
    """The key to pairs that went through the panel."""
    own, fields, *_tabs = page
    read = own.read_file(dropped(content))
    chosen = [read[field]["value"] for field in own.columns]
    made = own.make_them_the_pages(read[own.recent_key], *chosen, fields=fields)
    assert {made[field]["value"] for field in fields} == {made[own.kept]}
    return made[own.kept]


@pytest.fixture(scope="module")
def key(page):
    return used(page, own_csv())


# ---------------------------------------------------------------- the panel


def test_a_file_is_read_its_columns_can_be_changed_and_nothing_of_the_upload_stays(page):
    own = page[0]
    path = dropped(own_csv())
    read = own.read_file(path)
    assert not Path(path).exists() and not Path(path).parent.exists()
    assert [read[field]["value"] for field in own.columns] == ["句子一", "句子二", "标签", ""]
    report = said(read[own.report])
    for part in (
        "mine.csv",
        "semicolons",
        "GB18030",
        "41 rows",
        "1 left out",
        "不相似 20",
        "相似 20",
    ):
        assert part in report, report
    assert "42 sentence1 is empty" in report and "train 32" in report
    assert read[own.use]["interactive"] and read[own.file] is None
    key = read[own.recent_key]
    single = own.read_columns(key, "句子一", "", "标签", "")
    assert "sentence2" not in said(single[own.report])
    no_label = own.read_columns(key, "句子一", "句子二", "", "")
    assert "A run can't be made of these" in said(no_label[own.report])
    assert no_label[own.use]["interactive"], "Tokenize and Predict work on them all the same"
    wrong = own.read_columns(key, "句子一", "句子一", "标签", "")
    assert "notice error" in wrong[own.report] and not wrong[own.use]["interactive"]


def test_text_and_table_are_read_as_files_are(page):
    own = page[0]
    text = own.read_text("a\tb\tlabel\n" + "".join(f"A {i}\tB {i}\t{i % 2}\n" for i in range(10)))
    assert "10 rows" in said(text[own.report])
    table = own.read_rows(
        [["A cat.", 'A dog, "big".', "0"], ["", None, ""], ["Rain.", "Wet.", "1"]]
    )
    report = said(table[own.report])
    assert "2 rows" in report and 'A dog, "big".' in report and "table.csv" not in report


def test_a_row_of_the_table_is_called_by_the_number_that_it_has_there(page):
    own = page[0]
    rows = [["A.", "B.", "0"], ["", "", ""], ["", "C.", "1"], ["D.", "E.", "1"]]
    assert "3 sentence1 is empty" in said(own.read_rows(rows)[own.report])


def test_a_label_of_one_row_and_a_row_without_a_label_are_pointed_at(page):
    own = page[0]
    lines = [f"A {i}\tB {i}\t{('no', 'yes')[i % 2]}" for i in range(10)]
    text = "\n".join(["a\tb\tlabel", *lines, "C\tD\tmaybe", "E\tF\t"])
    report = said(own.read_text(text)[own.report])
    assert "Only one row has the label “maybe”" in report
    assert "1 row has no label (line 13)" in report and "“yes”" not in report


def test_nothing_can_be_used_again_once_it_is_used_or_could_not_be_read(page):
    own, fields, *_tabs = page
    read = own.read_file(dropped(own_csv()))
    chosen = [read[field]["value"] for field in own.columns]
    made = own.make_them_the_pages(read[own.recent_key], *chosen, fields=fields)
    assert not made[own.use]["interactive"]
    assert not own.read_text(" ")[own.use]["interactive"]


@pytest.mark.parametrize("junk", [None, 7, "", "  ", [], [["", ""]], {"a": 1}, "/etc/passwd\0"])
def test_whatever_is_sent_to_the_panel_becomes_a_message(page, junk):
    own, fields, *_tabs = page
    for handler in (own.read_rows, own.read_file):
        answer = handler(junk)
        assert "notice error" in answer[own.report] and answer[own.recent_key] == ""
    assert "notice error" in own.read_columns("nobody's", junk, junk, junk, junk)[own.report]
    assert "notice error" in own.make_them_the_pages("x", *[junk] * 4, fields=fields)[own.report]
    assert own.still_kept(junk) == ""
    assert own.kept not in own.list_them("", junk, fields)


def test_what_is_only_read_is_kept_for_minutes_and_within_bounds():
    recent = RecentTexts(most_bytes=10)
    first, second = recent.keep(b"12345678", "a"), recent.keep(b"1234", "b")
    assert recent.get(second) == (b"1234", "b")
    with pytest.raises(InputError, match="no longer at hand"):
        recent.get(first)
    with pytest.raises(InputError, match="no longer at hand"):
        late = RecentTexts(most_bytes=10, seconds=-1)
        late.get(late.keep(b"1", "c"))


def test_who_reads_many_files_pushes_out_no_other_address():
    recent = RecentTexts(most_bytes=100)
    other = recent.keep(b"1" * 20, "other", "b")
    flood = [recent.keep(b"2" * 30, f"{number}", "a") for number in range(50)]
    assert recent.get(other) == (b"1" * 20, "other") and recent.get(flood[-1])
    assert sum(len(one.content) for one in recent.kept.values()) <= 100


def test_forgotten_pairs_are_gone_and_the_page_falls_back_to_mrpc(page, settings, monkeypatch):
    own, fields, *_tabs = page
    key = used(page, own_csv(12))
    reference = task_of_key(key)
    assert own.still_kept(key) == key and task_named(reference, settings).is_own
    listed = own.list_them(key, "mrpc", fields)
    assert [listed[field]["choices"][-1][1] for field in fields] == [key, key]
    packed = []
    monkeypatch.setattr("tabs.own_pairs.forget_packed", lambda name, _: packed.append(name))
    answer = own.forget_them(key, reference, fields)
    assert packed == [reference]
    assert answer[own.kept] == "" and {answer[field]["value"] for field in fields} == {"mrpc"}
    with pytest.raises(InputError, match="Bring the file again"):
        store.load(reference, settings)
    gone = own.list_them(key, reference, fields)
    assert gone[own.kept] == "" and str(GONE) in said(gone[own.said])
    assert {gone[field]["value"] for field in fields} == {"mrpc"}


# ---------------------------------------------------------------- the key, and what isn't one


def test_the_key_opens_the_pairs_and_their_name_as_a_task_opens_nothing(page, key):
    _own, fields, *_tabs = page
    reference = task_of_key(key)
    for field in fields:
        assert field.preprocess(key) == reference
        with pytest.raises(gr.Error):
            field.preprocess(reference)
    for junk in (None, 7, "", key + "0", KEY_PREFIX, reference, key.upper()):
        assert task_of_key(junk) == ""


def test_no_warning_writes_a_key_into_the_log(page, key, recwarn):
    page[1][0].postprocess(key)
    assert not recwarn.list


def test_an_address_never_names_them_and_a_strangers_says_whose_they_are(settings, key):
    with gr.Blocks():
        tokenize, fine_tune = build_tab(settings), build_fine_tune_tab(settings)
    parts = [tokenize.shared, fine_tune.shared]
    mine = opened({"tab": "tokenize", "task_name": "own", "lock": "task_name"}, parts, own=key)
    for tab in (tokenize, fine_tune):
        change = mine.changes[tab.choice]
        assert change["value"] == key and change["choices"][-1][1] == key
        assert change["interactive"] is False
    assert mine.changes[tokenize.bring]["visible"] is False
    stranger = opened({"tab": "tokenize", "task_name": "own"}, parts)
    assert tokenize.choice not in stranger.changes and "somebody's own" in str(stranger.wrong[0])
    for said_of_them in (task_of_key(key), key):
        refused = opened({"tab": "tokenize", "task_name": said_of_them}, parts, own="")
        assert tokenize.choice not in refused.changes and refused.wrong


# ---------------------------------------------------------------- Tokenize follows the choice


def test_the_tasks_that_are_offered_are_those_of_the_app(settings):
    with gr.Blocks():
        choice, _bring = build_choice(settings, "mrpc")
    assert [name for _title, name in choice.choices] == [n for n in TASKS if n != "csv"]
    assert choices_of(settings, "k")[-1][1] == "k"


def test_batch_search_random_rows_and_cells_are_those_of_the_chosen_pairs(page, key, settings):
    _own, _fields, tab, _fine_tune = page
    batch, task = tab.batch, task_of_key(key)
    values = ["0-30", "test", *REST, task, "pieces", 2]
    drawn = batch.choose("", *values)
    assert drawn[batch.rows] == "0-3", "the split has four rows"
    assert drawn[batch.split].value == "test"
    back = batch.choose(drawn[batch.cut_rows], "0-3", "train", *REST, "mrpc", "pieces", 2)
    assert (back[batch.rows], back[batch.cut_rows]) == ("0-7", ""), "the cut was nobody's wish"
    asked = batch.choose("", "0-3", "train", *REST, "mrpc", "pieces", 2)
    assert asked[batch.rows] == "0-3", "these were"
    assert re.findall(r"<b>#(\d+)</b>", drawn[batch.grid]) == ["0", "1", "2", "3"]
    values[0] = "0-3"
    found = batch.search(SECRET, *values)
    assert found[batch.rows] == "0, 1, 2, 3"
    assert len(batch.shuffle(*values)[batch.rows].split(",")) == 4
    [inputs] = re.findall(r'data-inputs="([^"]*)"', drawn[batch.grid])
    cell = {"inputs": html.unescape(inputs), "line": 1, "position": 1, "row": ""}
    assert "zebra" in said(explain_batch_cell(settings, cell, task))
    for chosen in ("", "mrpc"):
        assert SECRET not in explain_batch_cell(settings, cell, chosen)
        assert "Other pairs are chosen" in said(explain_batch_cell(settings, cell, chosen))
    label = explain_batch_cell(settings, {**cell, "row": "labels"}, task)
    assert "相似" in said(label)
    taken = tab.pair.take_row(2, "test", *REST, task)
    assert SECRET in taken[tab.pair.sentence1] and SECRET in taken[tab.pair.sentence2]


def test_a_task_of_one_sentence_hides_the_second_and_has_type_0_alone(page, settings):
    _own, _fields, tab, _fine_tune = page
    task = task_of_key(used(page, own_csv(second=False)))
    drawn = tab.batch.choose("", "0-3", "train", *REST, task, "pieces", 2)
    assert drawn[tab.batch.sentence2].visible == "hidden"
    assert "sentence 2" not in said(drawn[tab.batch.grid])
    grid = tab.pair.draw("A cat sat.", "not asked", *REST, task)[tab.pair.grid]
    assert "One sentence becomes" in grid and "every token has type 0" in said(grid)
    assert "not asked" not in said(grid) and not re.search(r"<i>1</i>", grid)
    taken = tab.pair.take_row(0, "train", *REST, task)
    assert taken[tab.pair.sentence2] == "" and "token-grid" in taken[tab.pair.grid]
    back = tab.batch.choose("", "0-3", "train", *REST, "mrpc", "pieces", 2)
    assert back[tab.batch.sentence2].visible is True


def test_pairs_that_are_gone_are_said_to_be_in_the_batch(page):
    _own, _fields, tab, _fine_tune = page
    drawn = tab.batch.choose("", "0-3", "train", *REST, "own:" + "0" * 32, "pieces", 2)
    assert "notice error" in drawn[tab.batch.refusal] and drawn[tab.batch.grid] == ""
    assert "Bring the file again" in said(drawn[tab.batch.refusal])


# ---------------------------------------------------------------- a run on them


class Click:
    def __init__(self, **sent):
        self._data = sent


@pytest.fixture(scope="module")
def run(page, key, settings, tiny):
    """(id, what the owner's browser keeps) of an ended run on own pairs."""
    _own, _fields, _tokenize, tab = page
    values = TrainingConfig(
        checkpoint=tiny,
        task_name=task_of_key(key),
        train_pairs=24,
        eval_pairs=4,
        batch_size=8,
        max_steps=9,
        eval_steps=3,
        learning_rate=1e-2,
        frozen_layers=0,
        precision="fp32",
    )
    form = [getattr(values, name) for name in tab.launch.controls]
    started = tab.launch.start(None, {}, *form)
    run_id, owned = started[tab.panel.run_id], started[tab.panel.owned]
    end = time.monotonic() + 60
    while not read_run(run_id, settings).ended:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert read_run(run_id, settings).state == "done"
    return run_id, owned


def test_a_watcher_of_the_run_is_told_curves_and_counts_and_no_sentence(page, run, key, settings):
    tab, (run_id, owned) = page[3], run
    ended = read_run(run_id, settings)
    reference = task_of_key(key)
    seen = [
        status_of(ended),
        provenance_of(ended),
        script_of(run_id, settings),
        changes_of(run_id, settings, {}),
        *(
            content.decode()
            for content in files_of(ended, settings).values()
            if isinstance(content, bytes)
        ),
        str(tab.diagnosis.draw(run_id)),
        *(str(view(ended)) for view in tab.panel.views.values()),
    ]
    for drawn in seen:
        assert SECRET not in drawn and reference not in drawn and key not in drawn, drawn
    assert SECRET not in json.dumps(ended.events)
    assert "own pairs" in seen[0] and "--pairs pairs.csv" in seen[1]
    with gr.Blocks():
        theatre = build_theatre(settings, RunPanel(settings), build_sentence())
    dot = Click(row=0, step=0)
    assert SECRET not in theatre.read(run_id, {}, dot)
    assert SECRET in theatre.read(run_id, owned, dot), "who owns the run reads them"


def test_only_the_owner_starts_another_run_like_it(page, run, settings):
    tab, (run_id, owned) = page[3], run
    refused = tab.launch.start_remedy(None, run_id, {})[tab.panel.status]
    assert "only its owner" in said(refused)
    assert "only its owner" in said(tab.seeds.start_shown(None, run_id, {})[tab.seeds.message])
    check_pairs(read_run(run_id, settings), owned, settings)


def test_the_owner_gets_the_script_with_the_pairs_beside_it(run, settings):
    run_id, owned = run
    with pytest.raises(InputError, match="Only the visitor who brought"):
        packed_pairs(run_id, {}, settings)
    with zipfile.ZipFile(packed_pairs(run_id, owned, settings)) as archive:
        names = set(archive.namelist())
        script = archive.read("train.py").decode()
        rows = list(csv.DictReader(io.StringIO(archive.read("pairs.csv").decode("utf-8-sig"))))
    assert names == {"train.py", "pairs.csv"} | {
        f"own-pairs/{split}.parquet" for split in ("train", "validation", "test")
    }
    assert all(name in script for name in names - {"train.py", "pairs.csv"})
    assert len(rows) == 40 and {row["split"] for row in rows} == {"train", "validation", "test"}
    assert {row["label"] for row in rows} == {"相似", "不相似"} and SECRET in rows[0]["sentence1"]


def test_what_was_packed_is_one_file_for_the_servers_user_and_is_forgotten_with_the_pairs(
    run, settings
):
    run_id, owned = run
    path = Path(packed_pairs(run_id, owned, settings))
    assert path == Path(packed_pairs(run_id, owned, settings)), "no second copy"
    assert path.stat().st_mode & 0o777 == 0o600
    reference = read_run(run_id, settings).config["task_name"]
    assert reference.removeprefix("own:") not in str(path), "the reference leads to no file"
    forget_packed(reference, settings)
    assert not path.exists()


# ---------------------------------------------------------------- the API


def test_a_program_brings_its_pairs_as_a_text(settings, tiny, key):
    fine_tune = build_fine_tune(settings)
    text = "a,b,label\n" + "".join(f"A {i},B {i},{i % 2}\n" for i in range(20)) + ",,\n"
    answer = fine_tune(checkpoint=tiny, pairs=text, max_steps=1, train_pairs=8, precision="fp32")
    assert answer["pairs"]["labels"] == {"0": 10, "1": 10}
    assert sum(answer["pairs"]["splits"].values()) == 20
    assert "own:" not in json.dumps(answer)
    kept = set(store.pairs_folder(settings).iterdir())
    for setting in ({"max_steps": 0}, {"checkpoint": "no/such/one"}):
        with pytest.raises(gr.Error):
            fine_tune(pairs=text, **setting)
        assert set(store.pairs_folder(settings).iterdir()) == kept, "pairs without a run are gone"
    for bad in ({"task_name": task_of_key(key)}, {"pairs": "a,b\nno,label\n"}, {"pairs": "\0"}):
        with pytest.raises(gr.Error):
            fine_tune(checkpoint=tiny, **bad)


def test_a_program_tokenizes_a_sentence_alone(settings, key):
    tokenize = tokenize_endpoint(settings)
    answer = tokenize("A cat sat.", "", task_name="sst2")
    assert {token["type_id"] for token in answer["tokens"]} == {0}
    for bad in (task_of_key(key), "nobody", None):
        with pytest.raises(gr.Error):
            tokenize("A cat sat.", "A dog.", task_name=bad)


@pytest.mark.slow
def test_the_page_is_built_with_one_panel_a_language(settings):
    app = build_app(settings)
    panels = [each for each in app.blocks.values() if getattr(each, "elem_id", "") == "own-pairs"]
    assert len(panels) == 2 and not any(panel.visible for panel in panels)
    # One address's files are read two at once: twenty-five at once made a neighbour wait for 12 s
    names = ("read_file", "read_text", "read_rows", "read_columns", "use")
    reads = [each for each in app.fns.values() if getattr(each, "name", "") in names]
    assert len(reads) == 2 * len(names)
    assert {(each.concurrency_id, each.concurrency_limit) for each in reads} == {("own-pairs", 2)}
