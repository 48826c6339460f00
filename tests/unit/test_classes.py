"""A class: who may change it, what a nickname may be, which runs it allows, what a damaged file does."""

import json
import os
import threading
import time
from dataclasses import replace

import pytest

from languages import speaking
from pipeline.classes import store
from pipeline.classes.names import checked_name, drawn_name
from pipeline.classes.rules import check_config, first_values, locked_values
from pipeline.classes.stopping import stop_run_of_pupil
from pipeline.classes.store import (
    CODE,
    add_answer,
    add_guess,
    add_runs,
    change_class,
    checked_code,
    create_class,
    hide_pupil,
    is_teacher,
    join_class,
    pupil_of,
    pupils_of,
    read_class,
    rename_pupil,
)
from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.errors import InputError
from pipeline.runs.cleanup import sweep
from pipeline.runs.progress import Run
from pipeline.runs.supervisor import start_run
from pipeline.settings import Settings

RUN, OTHER_RUN = "a" * 32, "b" * 32


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_folder=tmp_path / "runs")


@pytest.fixture
def opened(settings):
    """(code, key of the teacher) of a class in which only the learning rate may change."""
    return create_class("Which rate is best?", "learning_rate", {"seed": 7}, settings)


def pupil_file(settings, code, pupil_id):
    return store.class_folder(code, settings) / "pupils" / f"{pupil_id}.json"


# ---------------------------------------------------------------- the class


def test_a_class_is_what_its_teacher_said(opened, settings):
    one = read_class(opened[0], settings)
    assert (one.task, one.open_setting) == ("Which rate is best?", "learning_rate")
    assert one.values["seed"] == 7 and one.values.keys() == RUN_SETTINGS.keys()
    assert one.max_steps is None and not one.is_closed
    assert time.time() - one.created < 60


def test_a_code_cannot_be_guessed_and_can_be_read_aloud(settings):
    many = replace(settings, max_classes_per_address=99)
    codes = {create_class("", "", {}, many)[0] for _ in range(30)}
    assert len(codes) == 30 and all(CODE.fullmatch(code) for code in codes)
    assert len(store.CODE_CHARACTERS) ** 12 >= 2**55
    assert not set("01loaeiu") & set(store.CODE_CHARACTERS)
    code = codes.pop()
    assert checked_code(code.upper().replace("-", " ")) == code
    assert read_class(f" {code.upper()} ", settings).code == code


@pytest.mark.parametrize(
    "code",
    ["", None, 7, [], "bcdf", "../../etc/passwd", "bcdf-ghjk-mnpq/..", "l" * 12, "b" * 10**6],
)
def test_a_malformed_code_is_told_in_few_words(code, settings):
    with pytest.raises(InputError, match="is no class's code") as error:
        read_class(code, settings)
    assert len(str(error.value)) < 250


def test_a_code_of_no_class_says_that_it_is_over(settings):
    with pytest.raises(InputError, match="ask the teacher for a new link"):
        read_class("bcdf-ghjk-mnpq", settings)
    with pytest.raises(InputError, match="ask the teacher for a new link"):
        join_class("bcdf-ghjk-mnpq", "", settings)


def test_nothing_on_the_disk_opens_a_class(opened, settings):
    code, teacher_key = opened
    pupil_id, pupil_key = join_class(code, "Ada", settings)
    files = [path for path in settings.runs_folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    for path in files:
        text = str(path) + path.read_text()
        assert not any(secret in text for secret in (code, teacher_key, pupil_key)), path
    assert store.class_folder(code, settings).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("key", ["", None, 7, [], {}, "0" * 32, "x" * 32, "0" * 10**6, True])
def test_a_forged_key_changes_nothing(key, opened, settings):
    code, _teacher_key = opened
    pupil_id, _pupil_key = join_class(code, "Ada", settings)
    before = read_class(code, settings), pupils_of(code, settings)
    for attack in (
        lambda: change_class(code, key, settings, task="Mine"),
        lambda: hide_pupil(code, key, pupil_id, True, settings),
        lambda: rename_pupil(code, key, "Eve", settings),
        lambda: add_runs(code, key, {RUN: True}, settings),
        lambda: add_answer(code, key, "tokens", True, settings),
        lambda: add_guess(code, key, "conv", True, settings),
        lambda: pupil_of(code, key, settings),
    ):
        with pytest.raises(InputError):
            attack()
    assert not is_teacher(code, key, settings)
    assert (read_class(code, settings), pupils_of(code, settings)) == before


def test_a_key_is_of_one_class_and_one_role(opened, settings):
    code, teacher_key = opened
    _id, pupil_key = join_class(code, "Ada", settings)
    other_code, other_key = create_class("", "", {}, settings)
    assert is_teacher(code, teacher_key, settings)
    assert not is_teacher(code, other_key, settings)
    assert not is_teacher(code, pupil_key, settings)
    with pytest.raises(InputError, match="not in the class"):
        pupil_of(other_code, pupil_key, settings)
    with pytest.raises(InputError, match="not in the class"):
        pupil_of(code, teacher_key, settings)


def test_the_teacher_changes_it(opened, settings):
    code, key = opened
    change_class(code, key, settings, task="  Another\n task\0 ", max_steps=60)
    one = read_class(code, settings)
    assert (one.task, one.max_steps, one.open_setting) == ("Another task", 60, "learning_rate")
    assert change_class(code, key, settings, is_closed=True).is_closed
    assert change_class(code, key, settings, open_setting="").open_setting == ""
    assert read_class(code, settings).task == "Another task"


@pytest.mark.parametrize(
    "change",
    [
        {"task": "x" * 301},
        {"open_setting": "colour"},
        {"open_setting": ["seed"]},
        {"values": {"learning_rate": "fast"}},
        {"values": {"unknown": 1}},
        {"values": {"task_name": "own:" + "0" * 32}},
        {"max_steps": 0},
        {"max_steps": 10**9},
    ],
)
def test_a_change_that_cannot_be_used_changes_nothing(change, opened, settings):
    code, key = opened
    before = read_class(code, settings)
    with pytest.raises(InputError):
        change_class(code, key, settings, **change)
    assert read_class(code, settings) == before


def test_one_address_cannot_take_all_classes(settings):
    few = replace(settings, max_classes=3, max_classes_per_address=2)
    for _ in range(2):
        create_class("", "", {}, few, visitor="a")
    with pytest.raises(InputError, match="2 classes were opened from your network address"):
        create_class("", "", {}, few, visitor="a")
    create_class("", "", {}, few, visitor="b")
    with pytest.raises(InputError, match="as many classes as it may have"):
        create_class("", "", {}, few, visitor="c")


def test_a_class_goes_after_a_day_with_all_that_is_in_it(opened, settings):
    code, key = opened
    pupil_id, pupil_key = join_class(code, "Ada", settings)
    folder = store.class_folder(code, settings)
    younger = create_class("", "", {}, settings)[0]
    yesterday = time.time() - settings.max_run_age_seconds - 1
    os.utime(folder / "teacher", (yesterday, yesterday))
    change = lambda: change_class(code, key, settings, task="Still there?")  # noqa: E731
    for look in (lambda: read_class(code, settings), lambda: pupils_of(code, settings), change):
        with pytest.raises(InputError, match="removed a day after"):
            look()
    assert not is_teacher(code, key, settings) and folder.exists()
    sweep(settings)
    assert not folder.exists() and read_class(younger, settings)


def test_what_was_never_a_whole_class_goes_too(opened, settings):
    torn = store.classes_folder(settings) / "torn.part"
    torn.mkdir()
    sweep(settings)
    assert torn.exists()
    os.utime(torn, (0, 0))
    sweep(settings)
    assert not torn.exists() and read_class(opened[0], settings)


# ---------------------------------------------------------------- pupils


def test_a_pupil_joins_and_is_known_by_their_key(opened, settings):
    code, _key = opened
    pupil_id, pupil_key = join_class(code, " Ada  Lovelace ", settings)
    pupil = pupil_of(code, pupil_key, settings)
    assert (pupil.id, pupil.name, pupil.number) == (pupil_id, "Ada Lovelace", 1)
    second, _key = join_class(code, "", settings)
    assert [one.id for one in pupils_of(code, settings)] == [pupil_id, second]


def test_a_drawn_name_is_read_in_the_reader_s_language(opened, settings):
    code, _key = opened
    join_class(code, "", settings)
    name = pupils_of(code, settings)[0].name
    assert len(name.split()) == 2
    with speaking("zh"):
        chinese = str(pupils_of(code, settings)[0].name)
    assert chinese != name and not chinese.isascii()
    with pytest.raises(InputError, match="looks like"):
        join_class(code, chinese, settings)


@pytest.mark.parametrize(
    "name",
    [
        " ",
        "\u200b",
        "x" * 25,
        "x" * 10**6,
        "a\u202eb",  # turns what follows around
        "a\u2066b",
        "a\0b",
        "a\x1bb",
        "a\ud800",
        "a\U000e0041",
        "a\u3164b",
        "a" + "\u0301" * 9 + "b",
        "a\ue000",
        7,
        ["Ada"],
    ],
)
def test_a_name_that_cannot_be_read_is_refused(name, opened, settings):
    with pytest.raises(InputError) as error:
        join_class(opened[0], name, settings)
    assert len(str(error.value)) < 200
    assert pupils_of(opened[0], settings) == []


@pytest.mark.parametrize(
    "name", ["Ada", "李小明", "Zoë", "İpek", "محمد", "ณัฐ", "O'Neil", "🦊", "!!!", "<img src=x>"]
)
def test_a_name_of_any_script_is_kept_as_typed(name, opened, settings):
    join_class(opened[0], name, settings)
    assert pupils_of(opened[0], settings)[0].name == name


@pytest.mark.parametrize("name", ["pupil 1", "PUPIL 40", "Рupil1O", "pupil-2"])
def test_nobody_is_called_as_a_hidden_one_is_shown(name, opened, settings):
    code, key = opened
    pupil_id, pupil_key = join_class(code, "pupil of 1a", settings)
    with speaking("zh"):
        chinese = str(hide_pupil(code, key, pupil_id, True, settings).shown_name)
    for each in (name, chinese):
        with pytest.raises(InputError, match="in place of a name that the teacher has hidden"):
            join_class(code, each, settings)
        with pytest.raises(InputError, match="in place of a name that the teacher has hidden"):
            rename_pupil(code, pupil_key, each, settings)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Ada", "ada"),
        ("Ada", "Аdа"),  # Cyrillic
        ("Ada", "A d-a"),
        ("Ada", "Ａda"),
        ("Ada", "Adá"),
        ("Bill", "Bi1l"),
        ("Bob", "B0b"),
        ("Max", "Mαx"),
        ("Tom", "Torn"),
        ("!!!", "! !!"),
    ],
)
def test_two_pupils_cannot_be_taken_for_each_other(name, other, opened, settings):
    code, _key = opened
    _id, key = join_class(code, name, settings)
    with pytest.raises(InputError, match="looks like the name of somebody"):
        join_class(code, other, settings)
    assert rename_pupil(code, key, other, settings).name == other  # one may look like oneself


def test_names_that_differ_are_no_look_alikes():
    for name, other in (("Anna 1", "Anna 2"), ("Lea", "Leo"), ("李明", "李小明"), ("🦊", "🐻")):
        assert checked_name(other, [name]) == other


def test_a_hidden_name_is_the_number_of_a_pupil(opened, settings):
    code, key = opened
    join_class(code, "Ada", settings)
    pupil_id, pupil_key = join_class(code, "Rude word", settings)
    assert hide_pupil(code, key, pupil_id, True, settings).shown_name == "pupil 2"
    assert rename_pupil(code, pupil_key, "Ruder word", settings).shown_name == "pupil 2"
    assert hide_pupil(code, key, pupil_id, False, settings).shown_name == "Ruder word"
    for stranger in ("00000000", "", None, "../../x", 7):
        with pytest.raises(InputError, match="is not in this class"):
            hide_pupil(code, key, stranger, True, settings)


def test_three_hundred_join_at_once_and_no_more(opened, settings):
    code, _key = opened
    joined, refused = [], []

    def join():
        for _ in range(31):
            try:
                joined.append(join_class(code, "", settings))
            except InputError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=join) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    pupils = pupils_of(code, settings)
    assert len(joined) == len(pupils) == settings.max_pupils == 300
    assert len({key for _id, key in joined}) == len({pupil.name for pupil in pupils}) == 300
    assert [pupil.number for pupil in pupils] == list(range(1, 301))
    assert len(refused) == 10 and all("This class is full" in text for text in refused)


def test_of_two_who_want_one_name_one_gets_it(opened, settings):
    code, _key = opened
    barrier, told = threading.Barrier(8), []

    def join():
        barrier.wait(30)
        try:
            told.append(join_class(code, "Ada", settings)[0])
        except InputError:
            told.append(None)

    threads = [threading.Thread(target=join) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == 8 and sum(pupil_id is not None for pupil_id in told) == 1
    assert [pupil.name for pupil in pupils_of(code, settings)] == ["Ada"]


def test_a_closed_class_takes_nobody_else(opened, settings):
    code, key = opened
    _id, pupil_key = join_class(code, "Ada", settings)
    change_class(code, key, settings, is_closed=True)
    with pytest.raises(InputError, match="closed"):
        join_class(code, "Bob", settings)
    assert pupil_of(code, pupil_key, settings).name == "Ada"
    change_class(code, key, settings, is_closed=False)
    assert join_class(code, "Bob", settings)


def test_what_a_pupil_did_is_added_once(opened, settings):
    code, _key = opened
    _id, key = join_class(code, "Ada", settings)
    add_runs(code, key, {RUN: False}, settings)
    add_runs(code, key, {OTHER_RUN: True}, settings)
    add_runs(code, key, {OTHER_RUN: False}, settings)  # joined again what one had started
    add_answer(code, key, "tokens", False, settings)
    add_answer(code, key, "tokens", True, settings)  # the first counts
    add_guess(code, key, "conv-sum-or-average", True, settings)
    pupil = pupil_of(code, key, settings)
    assert pupil.runs == {RUN: False, OTHER_RUN: True}
    assert pupil.answers == {"tokens": False} and pupil.guesses == {"conv-sum-or-average": True}


def test_what_a_pupil_did_is_bounded(opened, settings):
    code, _key = opened
    pupil_id, key = join_class(code, "Ada", settings)
    for start in range(0, 300, 50):
        add_runs(code, key, {f"{start + i:032x}": True for i in range(50)}, settings)
    for number in range(store.MOST_ANSWERS + 5):
        add_answer(code, key, f"{number:060d}", True, settings)
        add_guess(code, key, f"{number:060d}", False, settings)
    pupil = pupil_of(code, key, settings)
    assert list(pupil.runs)[-1] == f"{299:032x}" and len(pupil.runs) == store.MOST_RUNS
    assert len(pupil.answers) == len(pupil.guesses) == store.MOST_ANSWERS
    assert pupil_file(settings, code, pupil_id).stat().st_size < store.MOST_BYTES
    for strange in ("", "../x", "A", "x" * 61, None, 7, "a b"):
        with pytest.raises(InputError):
            add_answer(code, key, strange, True, settings)
    for strange in ("", "../x", "g" * 32, None, 7):
        with pytest.raises(InputError):
            add_runs(code, key, {strange: True}, settings)


def test_answers_from_two_pages_of_a_pupil_are_all_kept(opened, settings):
    code, _key = opened
    _id, key = join_class(code, "Ada", settings)

    def answer(page):
        for number in range(20):
            add_answer(code, key, f"{page}-{number}", True, settings)

    threads = [threading.Thread(target=answer, args=(page,)) for page in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(pupil_of(code, key, settings).answers) == 80


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "[" * 10**5,
        "{}",
        '{"name": "Eve"}',
        json.dumps({"id": "x", "name": "E", "is_hidden": 0, "joined": "now", "key": "", "said": 0}),
    ],
)
def test_a_damaged_pupil_is_left_out(text, opened, settings):
    code, teacher_key = opened
    damaged, key = join_class(code, "Ada", settings)
    join_class(code, "Bob", settings)
    pupil_file(settings, code, damaged).write_text(text)
    assert [pupil.name for pupil in pupils_of(code, settings)] == ["Bob"]
    with pytest.raises(InputError, match="not in the class"):
        pupil_of(code, key, settings)
    with pytest.raises(InputError, match="is not in this class"):
        hide_pupil(code, teacher_key, damaged, True, settings)
    join_class(code, "Cleo", settings)
    assert [pupil.number for pupil in pupils_of(code, settings)] == [2, 3]


def test_another_s_file_or_a_link_is_no_pupil(opened, settings):
    code, _key = opened
    pupil_id, _pupil_key = join_class(code, "Ada", settings)
    path = pupil_file(settings, code, pupil_id)
    path.with_name("0123abcd.json").write_text(path.read_text())
    path.with_name("4567abcd.json").symlink_to(path)
    assert [pupil.id for pupil in pupils_of(code, settings)] == [pupil_id]


@pytest.mark.parametrize(
    "damage",
    [{"values": {"seed": "x"}}, {"task": "x" * 999}, {"open_setting": "x"}, {"is_closed": 2}, None],
)
def test_a_damaged_class_says_so(damage, opened, settings):
    code, _key = opened
    path = store.class_folder(code, settings) / "class.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, **damage}) if damage else "{")
    with pytest.raises(InputError, match="damaged"):
        read_class(code, settings)


def test_a_reading_that_failed_once_damages_nothing(opened, settings, monkeypatch):
    code, _key = opened
    pupil_id, pupil_key = join_class(code, "Ada", settings)
    for path in (
        store.class_folder(code, settings) / "class.json",
        pupil_file(settings, code, pupil_id),
    ):
        os.utime(path, (1, 1))  # nobody has read them since
    with monkeypatch.context() as busy:  # as with too many open files
        busy.setattr(store, "read_text", lambda path, most=0: "")
        assert pupils_of(code, settings) == []
        with pytest.raises(InputError, match="damaged"):
            read_class(code, settings)
    assert read_class(code, settings).code == code
    assert pupil_of(code, pupil_key, settings).name == "Ada"


def test_a_full_disk_is_told(opened, settings, monkeypatch):
    code, key = opened

    def fail(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_whole", fail)
    for write in (
        lambda: join_class(code, "", settings),
        lambda: change_class(code, key, settings, task="x"),
        lambda: create_class("", "", {}, settings),
    ):
        with pytest.raises(InputError, match="disk may be full"):
            write()
    assert pupils_of(code, settings) == [] and read_class(code, settings).task != "x"
    assert len(list(store.classes_folder(settings).iterdir())) == 1


# ---------------------------------------------------------------- rules


def test_only_the_open_setting_may_change(opened, settings):
    one = read_class(opened[0], settings)
    base = TrainingConfig(**one.values)
    check_config(replace(base, learning_rate=1e-3), one)
    assert locked_values(one).keys() == RUN_SETTINGS.keys() - {"learning_rate"}
    with pytest.raises(InputError, match="has batch_size = 16 for all, and you chose 8"):
        check_config(replace(base, batch_size=8), one)
    free = replace(one, open_setting="")
    check_config(replace(base, batch_size=8, learning_rate=1e-3), free)
    assert locked_values(free) == {}


def test_the_cap_of_a_class_holds_for_all(opened, settings):
    one = replace(read_class(opened[0], settings), max_steps=60)
    base = TrainingConfig(**one.values)
    with pytest.raises(InputError, match="max_steps is 125, and this class allows at most 60"):
        check_config(base, one)
    # The cap lowers what the teacher had chosen, or no run could start at all
    check_config(TrainingConfig(**first_values(one)), one)
    assert first_values(one)["max_steps"] == 60
    with pytest.raises(InputError, match="max_steps = 60 for all, and you chose 10"):
        check_config(replace(base, max_steps=10), one)
    check_config(replace(base, max_steps=10), replace(one, open_setting="max_steps"))


def test_nothing_starts_in_a_closed_class(opened, settings):
    one = replace(read_class(opened[0], settings), is_closed=True)
    with pytest.raises(InputError, match="closed"):
        check_config(TrainingConfig(**one.values), one)


def test_a_drawn_name_is_free_while_one_is():
    assert len({drawn_name(["Ada"]) for _ in range(20)}) > 10


def test_own_pairs_are_not_learned_from_in_a_class(opened, settings):
    free = replace(read_class(opened[0], settings), open_setting="")
    own = replace(TrainingConfig(**free.values), task_name="own:" + "0" * 32)
    with pytest.raises(InputError, match="nobody learns from own pairs"):
        check_config(own, free)


# ---------------------------------------------------------------- the teacher's stop


@pytest.fixture
def waiting(settings):
    """Starts nothing: every run waits. waiting() -> (id, secret) of a new one."""
    settings = replace(settings, max_runs_at_once=0)

    def start(seed=1):
        return start_run(TrainingConfig(max_steps=2, seed=seed, source="embedded"), settings)

    return start


def test_the_teacher_stops_what_a_pupil_started(opened, settings, waiting):
    code, teacher_key = opened
    _id, pupil_key = join_class(code, "Ada", settings)
    run_id, _secret = waiting()
    add_runs(code, pupil_key, {run_id: True}, settings)
    other_code, other_key = create_class("", "", {}, settings)
    for stranger in ((code, pupil_key), (code, other_key), (other_code, other_key), (code, None)):
        with pytest.raises(InputError):
            stop_run_of_pupil(*stranger, run_id, settings)
    assert not (settings.runs_folder / run_id / "stop").exists()
    stop_run_of_pupil(code, teacher_key, run_id, settings)
    assert (settings.runs_folder / run_id / "stop").exists()


def test_the_teacher_stops_no_run_that_a_pupil_joined_or_names(opened, settings, waiting):
    code, teacher_key = opened
    _id, pupil_key = join_class(code, "Ada", settings)
    run_id, _secret = waiting()
    add_runs(code, pupil_key, {run_id: False}, settings)
    for no_pupil_s in (run_id, waiting(2)[0], "0" * 32, "", None, {}, "../x"):
        with pytest.raises(InputError, match="Only runs that pupils of this class started"):
            stop_run_of_pupil(code, teacher_key, no_pupil_s, settings)
    assert not (settings.runs_folder / run_id / "stop").exists()


def test_asked_twice_a_running_one_ends_now(opened, settings, waiting, monkeypatch):
    code, teacher_key = opened
    _id, pupil_key = join_class(code, "Ada", settings)
    run_id, _secret = waiting()
    folder = settings.runs_folder / run_id
    (folder / "worker").write_text("")  # somebody trains it
    add_runs(code, pupil_key, {run_id: True}, settings)
    ended = []
    monkeypatch.setattr("pipeline.runs.supervisor.liveness.kill", ended.append)
    monkeypatch.setattr(
        "pipeline.runs.supervisor.read_folder", lambda folder: Run(folder.name, "running")
    )
    stop_run_of_pupil(code, teacher_key, run_id, settings)
    stop_run_of_pupil(code, teacher_key, run_id, settings)  # a double click isn't twice
    assert ended == []
    os.utime(folder / "stop", (0, 0))
    stop_run_of_pupil(code, teacher_key, run_id, settings)
    assert ended == [folder]
