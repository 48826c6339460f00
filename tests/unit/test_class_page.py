"""A class on the page: what the teacher, a pupil and a guest see, what is locked, which runs count."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from languages import speaking
from pipeline.classes import store
from pipeline.classes.store import (
    change_class,
    create_class,
    hide_pupil,
    join_class,
    pupil_of,
    pupils_of,
    read_class,
)
from pipeline.config import TrainingConfig
from pipeline.settings import Settings
from tabs.class_room import tab as class_room
from tabs.class_room.membership import (
    Member,
    build_membership,
    check_start,
    count_runs,
    keys_in,
    member,
    teacher_key,
)
from tabs.class_room.state import routes
from tabs.fine_tune import tab as fine_tune
from tests.conftest import run_async
from views.class_room import GUEST, PUPIL, TEACHER, banner, pupils_table

BASE = {"seed": 7, "source": "embedded"}


class Page:
    """The Fine-tune tab and the Class tab, without the rest; every run waits."""

    def __init__(self, folder):
        self.settings = Settings(runs_folder=folder / "runs", max_runs_at_once=0)
        with gr.Blocks():
            self.membership = build_membership()
            pair = [gr.Textbox(), gr.Textbox()]
            with gr.Tabs() as tabs:
                with gr.Tab("Fine-tune"):
                    self.fine_tune = fine_tune.build_tab(self.settings, pair, self.membership)
                with gr.Tab("Class", visible=False) as part:
                    self.pairs = gr.Dropdown(["mrpc", "rte"], value="mrpc")
                    shared = self.fine_tune.shared
                    self.room = class_room.build_tab(
                        self.settings, self.membership, tabs, part, shared, [self.pairs]
                    )
        self.controls = self.fine_tune.launch.controls

    def form(self, **changes):
        """What the form's fields hold."""
        values = {**asdict(TrainingConfig(**BASE)), **changes}
        return [values[name] for name in self.controls]

    def start(self, code, kept, *form, owned=None):
        """Press Start in a page that says it is in that class."""
        another = self.fine_tune.another
        values = dict.fromkeys(another.starts["form"].inputs, "")
        values |= dict(zip(self.controls.values(), form, strict=True))
        values |= dict(zip(self.membership.inputs, (code, kept), strict=True))
        return another.press("form", {**values, another.owned: owned or {}}, None)

    def changed(self, answer, name):
        """What an answer changes of one field of the form."""
        return {key: value for key, value in answer[self.controls[name]].items() if key[0] != "_"}


@pytest.fixture
def page(tmp_path):
    return Page(tmp_path)


@pytest.fixture
def opened(page):
    """(code, what the teacher's browser keeps)."""
    code, key = create_class("Look closely", "learning_rate", BASE, page.settings)
    return code, json.dumps({"teacher": key})


def joined(page, code, name=""):
    """What a pupil's browser keeps, and their key."""
    _id, key = join_class(code, name, page.settings)
    return json.dumps({"pupil": key}), key


def at(query=""):
    """The request of a page at that address."""
    return Request({"type": "http", "query_string": query.encode(), "headers": [], "client": None})


def pressed(**values):
    return SimpleNamespace(_data=values)


# ---------------------------------------------------------------- who one is


@pytest.mark.parametrize("kept", ["", "{", "[]", "7", "null", '{"pupil": 7}', "[" * 999, None, {}])
def test_what_no_browser_kept_is_nobody(kept):
    assert keys_in(kept) == {} and member("bcdf-ghjk-mnpq", kept) is None
    assert teacher_key(kept) == ""


def test_a_pupil_is_a_code_and_a_key():
    assert member("bcdf-ghjk-mnpq", '{"pupil": "a"}') == ("bcdf-ghjk-mnpq", "a")
    assert member("", '{"pupil": "a"}') is None and member(None, '{"pupil": "a"}') is None


def test_each_enters_as_what_the_browser_keeps(page, opened):
    code, teacher_kept = opened
    room, kept = page.room, joined(page, code, "Ada")[0]
    forged = json.dumps({"teacher": "0" * 32, "pupil": "0" * 32})
    for keys, role in ((teacher_kept, TEACHER), (kept, PUPIL), ("", GUEST), (forged, GUEST)):
        answer = room.enter(code, keys, at())
        assert f'data-role="{role}"' in answer[page.membership.banner]
        assert answer[room.teacher.part].visible is (role == TEACHER)
        assert answer[room.pupil.inside].visible is (role == PUPIL)
        assert answer[room.pupil.outside].visible is (role == GUEST)
        assert ("Ada" in str(answer[room.teacher.pupils])) is (role == TEACHER)
        assert set(answer) <= set(room.outputs)


def test_a_class_is_opened_with_the_form_s_settings(page):
    answer = page.room.open(None, *page.form(learning_rate=1e-3))
    code, kept = answer[page.membership.code], answer[page.membership.kept]
    one = read_class(code, page.settings)
    assert one.values["learning_rate"] == 1e-3 and one.values["seed"] == 7
    entered = page.room.enter(code, kept, at())
    assert f'data-role="{TEACHER}"' in entered[page.membership.banner]
    assert set(answer) <= set(page.room.opened)


def test_a_class_that_cannot_be_opened_says_why(page):
    answer = page.room.open(None, *page.form(learning_rate="fast"))
    assert list(answer) == [page.membership.banner]
    assert "learning_rate is" in answer[page.membership.banner]


@pytest.mark.parametrize("code", ["bcdf-ghjk-mnpq", "<b>", "x" * 999])
def test_where_there_is_no_class_the_page_says_so_and_goes_on(page, code):
    follow = page.room.follow(code, "", [], *page.form())
    for answer in (page.room.enter(code, "", at()), follow):
        assert "class" in answer[page.membership.banner] and "<b>" not in str(answer)
        assert answer[page.membership.code] == "" and list(answer) == page.room.line
    gone_on = page.room.enter("", "", at())  # the code has changed
    assert page.changed(gone_on, "seed") == {"interactive": True}
    assert page.membership.banner not in gone_on  # what was said stays


# ---------------------------------------------------------------- the form


def test_a_pupil_s_form_is_locked_but_for_one_setting(page, opened):
    code, _kept = opened
    answer = page.room.enter(code, joined(page, code)[0], at(f"class={code}"))
    assert page.changed(answer, "seed") == {"value": 7, "interactive": False}
    assert page.changed(answer, "learning_rate") == {"value": 2e-4, "interactive": True}
    fixed = answer[page.fine_tune.diagnosis.fixed]
    assert set(fixed) == set(page.controls) - {"learning_rate"}
    assert answer[page.fine_tune.bring]["visible"] is False  # it writes into what is locked
    assert answer[page.pairs]["interactive"] is False  # the other tab's, which says the same


def test_a_page_that_is_loaded_anew_keeps_the_pupil_s_own_choice(page, opened):
    code, _kept = opened
    answer = page.room.enter(code, joined(page, code)[0], at(f"tab=fine-tune&class={code}"))
    assert page.changed(answer, "learning_rate") == {"interactive": True}
    assert page.changed(answer, "seed") == {"value": 7, "interactive": False}


def test_an_open_page_follows_the_teacher(page, opened):
    code, teacher_kept = opened
    kept, _key = joined(page, code)
    fixed = page.room.enter(code, kept, at())[page.fine_tune.diagnosis.fixed]
    teacher = page.room.teacher
    # What is as it was isn't written: each field costs, for each of three hundred pupils
    teacher.save_values(code, teacher_kept, *page.form(batch_size=8))
    answer = page.room.follow(code, kept, fixed, *page.form(learning_rate=1e-3))
    written = set(page.controls.values()) & set(answer)
    assert written == {page.controls["batch_size"], page.controls["max_steps"]}
    assert page.changed(answer, "batch_size") == {"value": 8, "interactive": False}
    # Another setting is open, with a cap
    teacher.save_open(code, teacher_kept, "max_steps")
    teacher.save_most(code, teacher_kept, 60)
    form = page.form(max_steps=200, learning_rate=1e-3, batch_size=8)
    answer = page.room.follow(code, kept, fixed, *form)
    assert page.changed(answer, "learning_rate") == {"value": 2e-4, "interactive": False}
    assert page.changed(answer, "max_steps") == {"value": 60, "interactive": True, "maximum": 60}
    fixed = answer[page.fine_tune.diagnosis.fixed]
    answer = page.room.follow(code, kept, fixed, *page.form(max_steps=30, batch_size=8))
    assert page.changed(answer, "max_steps") == {"maximum": 60}
    # All are open; a field that another tab has changed under its lock is no matter then
    teacher.save_open(code, teacher_kept, "")
    answer = page.room.follow(code, kept, fixed, *page.form(task_name="rte"))
    assert page.changed(answer, "task_name") == {"interactive": True}
    assert answer[page.pairs]["interactive"] and answer[page.fine_tune.bring]["visible"]


def test_a_locked_field_that_another_tab_has_changed_is_put_right(page, opened):
    code, _teacher_kept = opened
    kept, _key = joined(page, code)
    fixed = page.room.enter(code, kept, at())[page.fine_tune.diagnosis.fixed]
    answer = page.room.follow(code, kept, fixed, *page.form(task_name="rte"))
    assert page.changed(answer, "task_name") == {"value": "mrpc", "interactive": False}
    assert answer[page.pairs]["value"] == "mrpc"


def test_a_name_that_is_being_typed_stays(page, opened):
    code, teacher_kept = opened
    kept, _key = joined(page, code)
    page.room.teacher.save_open(code, teacher_kept, "seed")
    inside = page.room.follow(code, kept, [], *page.form())
    assert page.room.pupil.new_name not in inside
    outside = page.room.follow(code, "", [], *page.form())
    assert "value" not in outside[page.room.pupil.name].constructor_args
    page.room.teacher.close_or_reopen(code, teacher_kept)
    closed = page.room.follow(code, "", [], *page.form())
    assert not closed[page.room.pupil.join].visible
    assert "nobody can join" in closed[page.room.pupil.door]
    # A pupil whom the class has lost may join again by the link
    lost = page.room.follow(code, json.dumps({"pupil": "0" * 32}), [], *page.form())
    assert "not in the class. Join it" in lost[page.membership.banner]
    assert lost[page.membership.code] == ""
    for answer in (inside, outside, closed, lost):
        assert set(answer) <= set(page.room.followed)


def test_a_guest_s_form_is_free_and_a_teacher_s_is_the_class_s(page, opened):
    code, teacher_kept = opened
    assert page.changed(page.room.enter(code, "", at()), "seed") == {"interactive": True}
    teacher_s = page.room.enter(code, teacher_kept, at())
    assert page.changed(teacher_s, "seed") == {"value": 7, "interactive": True}


# ---------------------------------------------------------------- joining, leaving


def test_a_pupil_joins_leaves_and_comes_back(page, opened):
    code, _kept = opened
    pupil = page.room.pupil
    answer = pupil.enter(code, "", "Ada")
    key = json.loads(answer[page.membership.kept])["pupil"]
    assert pupil_of(code, key, page.settings).name == "Ada"
    left = json.dumps({"left": key})
    assert page.room.enter(code, left, at())[pupil.name].value == "Ada"
    again = pupil.enter(code, left, "Ada")
    assert json.loads(again[page.membership.kept])["pupil"] == key
    # Another sits at the machine by now
    other = json.loads(pupil.enter(code, left, "Bob")[page.membership.kept])["pupil"]
    assert other != key
    assert [one.name for one in pupils_of(code, page.settings)] == ["Ada", "Bob"]


def test_leaving_frees_the_form(page):
    answer = page.room.leave()
    assert answer[page.membership.code] == "" and answer[page.membership.kept] == ""
    assert "You have left the class" in answer[page.membership.banner]
    freed = page.room.enter("", "", at())  # the code has changed
    assert page.changed(freed, "seed") == {"interactive": True}
    assert freed[page.room.pupil.inside].visible is False
    assert freed[page.fine_tune.diagnosis.fixed] == []


def test_a_name_that_is_refused_is_said_where_it_was_typed(page, opened):
    code, _kept = opened
    joined(page, code, "Ada")
    answer = page.room.pupil.enter(code, "", "ada")
    assert list(answer) == [page.room.pupil.message]
    assert "looks like the name of somebody" in answer[page.room.pupil.message]


def test_only_the_pupil_s_key_changes_the_name(page, opened):
    code, teacher_kept = opened
    kept, key = joined(page, code, "Ada")
    for stranger in ("", teacher_kept, json.dumps({"pupil": "0" * 32})):
        answer = page.room.pupil.change_name(code, stranger, "Eve")
        assert "not in the class" in answer[page.room.pupil.message]
    page.room.pupil.change_name(code, kept, "Grace")
    assert pupil_of(code, key, page.settings).name == "Grace"


# ---------------------------------------------------------------- the teacher alone


def test_no_handler_of_the_teacher_obeys_another(page, opened):
    code, _teacher_kept = opened
    kept, key = joined(page, code, "Ada")
    pupil_id = pupil_of(code, key, page.settings).id
    teacher, before = page.room.teacher, read_class(code, page.settings)
    run_id = page.start(code, kept, *page.form())[page.fine_tune.panel.run_id]
    mine = create_class("", "", {}, page.settings)[1]
    for stranger in ("", kept, json.dumps({"teacher": mine}), json.dumps({"teacher": key})):
        for answer in (
            teacher.save_task(code, stranger, "Mine"),
            teacher.save_open(code, stranger, ""),
            teacher.save_most(code, stranger, 1),
            teacher.save_values(code, stranger, *page.form(seed=8)),
            teacher.close_or_reopen(code, stranger),
            teacher.press(code, stranger, pressed(hide=pupil_id, hidden="yes")),
            teacher.press(code, stranger, pressed(stop=run_id)),
        ):
            assert list(answer) == [teacher.saved]
            assert "Only the browser that opened this class" in answer[teacher.saved]
        assert teacher.listed(code, stranger) == {teacher.pupils: ""}
    assert read_class(code, page.settings) == before
    assert not pupil_of(code, key, page.settings).is_hidden
    assert not (page.settings.runs_folder / run_id / "stop").exists()


def test_the_teacher_hides_stops_closes(page, opened):
    code, teacher_kept = opened
    kept, key = joined(page, code, "Rude <b>")
    run_id = page.start(code, kept, *page.form())[page.fine_tune.panel.run_id]
    teacher = page.room.teacher
    listed = str(teacher.listed(code, teacher_kept)[teacher.pupils])
    assert "Rude &lt;b&gt;" in listed and f'data-stop="{run_id}"' in listed
    pupil_id = pupil_of(code, key, page.settings).id
    hidden = teacher.press(code, teacher_kept, pressed(hide=pupil_id, hidden="yes"))
    assert "Rude" not in hidden[teacher.pupils] and "pupil 1" in hidden[teacher.pupils]
    assert "sees you as pupil 1" in page.room.enter(code, kept, at())[page.membership.banner]
    stopped = teacher.press(code, teacher_kept, pressed(stop=run_id))
    assert f'data-stop="{run_id}"' not in stopped[teacher.pupils]
    assert (page.settings.runs_folder / run_id / "stop").exists()
    teacher.close_or_reopen(code, teacher_kept)
    refused = page.start(code, kept, *page.form(learning_rate=1e-3))
    assert "This class is closed" in refused[page.fine_tune.panel.status]
    teacher.close_or_reopen(code, teacher_kept)
    assert page.start(code, kept, *page.form(learning_rate=1e-3))[page.fine_tune.panel.run_id]


def test_what_stands_there_already_is_not_saved_again(page, opened):
    code, teacher_kept = opened
    folder = store.class_folder(code, page.settings)
    written = (folder / "class.json").stat().st_ino
    page.room.teacher.save_task(code, teacher_kept, "Look closely")
    page.room.teacher.save_most(code, teacher_kept, page.settings.max_steps)
    assert (folder / "class.json").stat().st_ino == written
    answer = page.room.teacher.save_task(code, teacher_kept, "Look again")
    assert "Saved" in answer[page.room.teacher.saved]


def test_settings_that_no_class_can_have_are_refused_above_the_tabs(page, opened):
    code, teacher_kept = opened
    before = read_class(code, page.settings)
    own = page.form(task_name="own:" + "0" * 32)
    answer = page.room.teacher.save_values(code, teacher_kept, *own)
    said = answer[page.membership.banner]
    assert 'data-role="teacher"' in said and "learn from a visitor's own pairs" in said.unescape()
    assert read_class(code, page.settings) == before


# ---------------------------------------------------------------- starts


def test_a_start_is_checked_and_counted(page, opened):
    code, _kept = opened
    kept, key = joined(page, code)
    panel = page.fine_tune.panel
    refused = page.start(code, kept, *page.form(seed=8))
    assert "has seed = 7 for all, and you chose 8" in refused[panel.status]
    assert pupil_of(code, key, page.settings).runs == {}
    run_id = page.start(code, kept, *page.form(learning_rate=1e-3))[panel.run_id]
    assert pupil_of(code, key, page.settings).runs == {run_id: True}


def test_two_who_start_the_same_share_a_run_that_one_started(page, opened):
    code, _kept = opened
    (first, first_key), (second, second_key) = joined(page, code), joined(page, code)
    run_id = page.start(code, first, *page.form())[page.fine_tune.panel.run_id]
    assert page.start(code, second, *page.form())[page.fine_tune.panel.run_id] == run_id
    assert pupil_of(code, first_key, page.settings).runs == {run_id: True}
    assert pupil_of(code, second_key, page.settings).runs == {run_id: False}


def test_no_other_s_start_is_checked_or_counted(page, opened):
    code, teacher_kept = opened
    _kept, key = joined(page, code)
    for who in ("", teacher_kept, json.dumps({"left": key})):
        answer = page.start(code, who, *page.form(seed=8))
        assert answer[page.fine_tune.panel.run_id]
    assert pupil_of(code, key, page.settings).runs == {}


def test_a_pupil_whom_the_class_does_not_know_is_told_before_a_run_starts(page, opened):
    answer = page.start(opened[0], json.dumps({"pupil": "0" * 32}), *page.form())
    assert "not in the class. Join it." in answer[page.fine_tune.panel.status]
    runs = [path for path in page.settings.runs_folder.iterdir() if len(path.name) == 32]
    assert runs == []


def test_three_seeds_are_more_than_a_class_allows_whose_seed_is_locked(page, opened):
    code, teacher_kept = opened
    kept, key = joined(page, code)
    seeds, who = page.fine_tune.seeds, Member(code, key)
    refused = seeds.start(None, {}, *page.form(), "", "", who=who)
    assert "has seed = 7 for all" in refused[seeds.message]
    change_class(code, teacher_key(teacher_kept), page.settings, open_setting="seed")
    seeds.start(None, {}, *page.form(), "", "", who=who)
    assert list(pupil_of(code, key, page.settings).runs.values()) == [True] * 3


def test_a_run_that_cannot_be_counted_goes_on(page, opened, monkeypatch):
    who = Member(opened[0], joined(page, opened[0])[1])
    check_start(who, TrainingConfig(**BASE), page.settings)

    def fail(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_whole", fail)
    count_runs(who, [("a" * 32, "secret")], page.settings)  # no error: the owner must hear of it


# ---------------------------------------------------------------- what is drawn, and asked


def test_nothing_that_is_typed_is_markup(page, opened):
    code, teacher_kept = opened
    page.room.teacher.save_task(code, teacher_kept, "<script>x</script>")
    kept, key = joined(page, code, "<img src=x>")
    one, pupil = read_class(code, page.settings), pupil_of(code, key, page.settings)
    for drawn in (banner(one, PUPIL, pupil), pupils_table([(pupil, [])])):
        assert "<img" not in drawn and "<script" not in drawn
    assert "&lt;img" in pupils_table([(pupil, [])])


def test_the_line_is_chinese_on_the_chinese_page(page, opened):
    one = read_class(opened[0], page.settings)
    with speaking("zh"):
        drawn = banner(one, TEACHER)
    assert "您是这个课堂的老师" in drawn and "learning_rate" in drawn


def asked(page, code, **headers):
    """(status, ETag, body) of the route that open pages ask."""
    app, sent = Starlette(routes=routes(page.settings)), []
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/gradio_api/classes/{code}/state",
        "query_string": b"",
        "headers": [(b"if-none-match", value.encode()) for value in headers.values()],
    }

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    run_async(app(scope, receive, send))
    found = dict(sent[0]["headers"])
    return sent[0]["status"], found.get(b"etag", b"").decode(), sent[1]["body"]


def test_open_pages_hear_of_the_task_and_of_other_rules_alone(page, opened):
    code, teacher_kept = opened
    key = teacher_key(teacher_kept)
    status, tag, body = asked(page, code)
    first = json.loads(body)
    assert status == 200 and first["task"] == "Look closely" and set(first) == {"rules", "task"}
    assert asked(page, code, if_none_match=tag)[0] == 304
    change_class(code, key, page.settings, task="Another")
    status, other, body = asked(page, code, if_none_match=tag)
    assert (status, json.loads(body)) == (200, {"rules": first["rules"], "task": "Another"})
    change_class(code, key, page.settings, max_steps=60)
    assert json.loads(asked(page, code)[2])["rules"] != first["rules"] and other != tag
    # The names of pupils are for the board
    pupil_id, _key = join_class(code, "Ada", page.settings)
    hide_pupil(code, key, pupil_id, True, page.settings)
    assert b"Ada" not in asked(page, code)[2]


@pytest.mark.parametrize("code", ["bcdf-ghjk-mnpq", "x", "%3Cb%3E", "..%2F.."])
def test_of_no_class_there_is_no_state(page, code):
    assert asked(page, code)[0] == 404


def test_the_banner_s_version_is_what_the_route_says(page, opened):
    one = read_class(opened[0], page.settings)
    said = json.loads(asked(page, opened[0])[2])["rules"]
    assert f'data-rules="{said}"' in banner(one, GUEST)
    assert f'data-rules="{said}"' not in banner(replace(one, open_setting=""), GUEST)
