"""One sentence, two languages: lazily said, safely kept, and a catalogue that is neither short nor stale."""

import ast
import copy
import html
import json
import pickle
import re
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import languages as spoken
from dev import catalogue as check
from languages import Said, as_data, from_data, ngettext, say, say_plural, speaking
from pipeline import model as model_module
from pipeline import prediction as prediction_module
from pipeline import training
from pipeline.errors import HubUnavailable, InputError
from pipeline.explain import diagnosis, probing
from pipeline.explain.experiments import Cost
from pipeline.explain.why_cell import ROWS, padded_view, why_token
from pipeline.export.csv_answers import read_pairs
from pipeline.hub import sources
from pipeline.hub.availability import hub_reason
from pipeline.runs.progress import Run
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, Settings
from pipeline.tokenization import checked_pair, token_view, tokenizer_for
from tabs import address as sharing
from tabs.layers import address as layers_address
from tabs.layers import claims as layers_claims
from tabs.predict import compare_models
from views import charts, experiments, tokens
from views import claims as claim_views
from views import layers as layer_views
from views import predictions as predict_drawing
from views import runs as run_drawing
from views import updater as updater_views


@pytest.fixture
def chinese(monkeypatch):
    """A catalogue of two sentences and a plural."""
    entries = {
        "No row {row} in {split}.": "{split} 中没有第 {row} 行。",
        "the training pairs": "训练集",
        ("{count} row of {split}", "{count:,} rows of {split}"): ("{split}的 {count:,} 行",),
    }
    monkeypatch.setattr(spoken, "catalogue", lambda name: entries if name == "zh" else {})
    return entries


SAID = {"sentence": "No row {row} in {split}.", "row": 9, "split": "train"}


def test_a_said_is_english_until_a_reader_is_there(chinese):
    said = say(SAID["sentence"], row=9, split="train")
    assert said == "No row 9 in train." == f"{said}" == str(said)
    with speaking("zh"):
        assert (
            str(said) == f"{said}" == "train 中没有第 9 行。"
            and said.english == "No row 9 in train."
        )
    assert str(said) == "No row 9 in train."


def test_a_value_that_is_said_itself_follows(chinese):
    said = say(SAID["sentence"], row=9, split=say("the training pairs"))
    with speaking("zh"):
        assert str(said) == "训练集 中没有第 9 行。"


def test_an_errors_message_is_in_the_readers_language(chinese):
    error = InputError(say(SAID["sentence"], row=9, split="train"))
    with speaking("zh"):
        assert str(error) == "train 中没有第 9 行。"


def test_what_the_catalogue_lacks_stays_english(chinese):
    with speaking("zh"):
        assert spoken._("Never translated: {what}.", what=1) == "Never translated: 1."


def test_another_thread_speaks_its_own_language(chinese):
    heard = []
    with speaking("zh"):
        thread = threading.Thread(target=lambda: heard.append(spoken.language()))
        thread.start()
        thread.join()
    assert heard == ["en"]


@pytest.mark.parametrize(
    "again",
    [
        copy.deepcopy,
        lambda said: pickle.loads(pickle.dumps(said)),
        lambda said: from_data(json.loads(json.dumps(as_data(said))), "lost"),
    ],
)
def test_a_said_survives_being_kept(chinese, again):
    said = again(say(SAID["sentence"], row=9, split=say("the training pairs")))
    assert isinstance(said, Said) and said == "No row 9 in the training pairs."
    with speaking("zh"):
        assert str(said) == "训练集 中没有第 9 行。"


def rows(count, split="test"):
    return say_plural("{count} row of {split}", "{count:,} rows of {split}", count, split=split)


def test_a_plural_is_said_by_its_count_in_each_language(chinese):
    assert [str(rows(count)) for count in (0, 1, 2, 3000)] == [
        "0 rows of test",
        "1 row of test",
        "2 rows of test",
        "3,000 rows of test",
    ]
    with speaking("zh"):
        assert (
            str(rows(1, say("the training pairs"))) == "训练集的 1 行"
            and rows(1) == "1 row of test"
        )
        assert (
            ngettext("{count} row of {split}", "{count:,} rows of {split}", 2000, split="test")
            == "test的 2,000 行"
        )
        assert ngettext("{count} never translated", "{count} of them", 1) == "1 never translated"
        assert ngettext("{count} never translated", "{count} of them", 2) == "2 of them"


@pytest.mark.parametrize(
    "again",
    [
        copy.deepcopy,
        lambda said: pickle.loads(pickle.dumps(said)),
        lambda said: from_data(json.loads(json.dumps(as_data(said))), "lost"),
        lambda said: InputError(said).args[0],
    ],
)
def test_a_plural_survives_being_kept(chinese, again):
    said = again(rows(np.int64(2), say("the training pairs")))
    assert isinstance(said, Said) and said == "2 rows of the training pairs"
    with speaking("zh"):
        assert str(said) == "训练集的 2 行"


@pytest.mark.parametrize("count", ["2", 1.5, None])
def test_a_count_is_a_whole_number(count):
    with pytest.raises(TypeError):
        rows(count)


def test_a_language_with_several_forms_gets_the_right_one(monkeypatch, tmp_path):
    """Polish has three: one, a few (2-4, 22-24), many."""
    catalog = check.Catalog(locale="pl", fuzzy=False)
    catalog.add(
        ("{count} file", "{count} files"), ("{count} plik", "{count} pliki", "{count} plików")
    )
    (tmp_path / "messages.po").write_bytes(check.as_written(catalog))
    monkeypatch.setattr(spoken, "path_of", lambda name: tmp_path / "messages.po")
    monkeypatch.setitem(spoken.LANGUAGES, "pl", "polski")
    with speaking("pl"):
        said = [ngettext("{count} file", "{count} files", count) for count in (1, 2, 5, 22)]
    assert said == ["1 plik", "2 pliki", "5 plików", "22 pliki"]


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        3,
        "text",
        [],
        ["No row {row} in {split}."],
        ["{row.__class__}", {"row": 1}],
        ["No row {row} in {split}.", {"row": 1}],
        ["No row {row} in {split}.", [1]],
        [["a"], {}],
        ["No row {row} in {split}.", {"row": ["x"], 1: 2}],
        {"a": 1},
        ["{count} row of {split}", {"count": 2, "split": "x"}],
        ["{count} row of {split}", {"count": 2, "split": "x"}, "{split}"],
        ["{count} row of {split}", {"count": "2", "split": "x"}, "{count:,} rows of {split}"],
        ["{count} row of {split}", {"split": "x"}, "{count:,} rows of {split}"],
        ["{count} row of {split}", {"count": 2, "split": "x"}, "{count:,} rows of {split}", "x"],
    ],
)
def test_what_somebody_else_wrote_is_never_formatted(chinese, foreign):
    assert from_data(foreign, "as it is") == "as it is"


def test_the_catalogues_lack_nothing_and_hold_nothing_stale():
    assert check.report() == []


@pytest.fixture
def german(monkeypatch, tmp_path):
    """An app of four messages that speaks a language with two forms, whose catalogue is empty."""
    said = {
        "Said here": "a.py:1",
        "With {name}": "a.py:2",
        ("{count} pair", "{count} pairs"): "a.py:3",
        "With {key}": "a.py:4",
    }
    monkeypatch.setattr(check, "messages", lambda: said)
    monkeypatch.setattr(check, "calls_by_place", list)
    monkeypatch.setattr(check, "path_of", lambda language: tmp_path / language / "messages.po")
    monkeypatch.setattr(check, "OTHERS", ["de"])
    check.write("de", check.read("de"))

    def merge(**translations):
        translations = {key.replace("_", " "): text for key, text in translations.items()}
        (tmp_path / "part.json").write_text(json.dumps(translations))
        assert check.main(["merge", str(tmp_path / "part.json"), "de"]) == 0

    return merge


WHOLE = {"Said_here": "Hier", "With_{name}": "{name} ist da", "With_{key}": "{key} ist da"}
PAIRS = {"{count}_pair": ["{count} Paar", "{count} Paare"]}


def test_a_missing_a_stale_and_a_broken_entry_are_found(german, capsys):
    german(
        Gone="Weg",
        **{**WHOLE, "Said_here": "", "With_{name}": "namenlos", "{count}_pair": "{count} Paar"},
    )
    assert check.main([]) == 1
    assert [line.split(": ")[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["de", "missing"],
        ["de", "missing"],
        ["de", "unused"],
        ["de", "placeholders differ"],
    ]
    check.main(["prune"])
    german(**WHOLE, **PAIRS)
    assert check.main([]) == 0 and capsys.readouterr().out.strip() == ""


def test_a_started_catalogue_has_everything_to_translate_and_is_not_spoken(german, monkeypatch):
    german(Said_here="Hier")
    check.main(["start", "de"])
    assert [line.split(": ")[1] for line in check.report()] == ["missing"] * 3
    assert "msgstr[1]" in check.path_of("de").read_text()
    monkeypatch.setattr(spoken, "path_of", check.path_of)
    monkeypatch.setitem(spoken.LANGUAGES, "de", "Deutsch")
    assert spoken.catalogue.__wrapped__("de") == {"Said here": "Hier"}
    spoken.read_catalogue.cache_clear()


def test_a_form_may_spell_the_count_and_lack_nothing_else(german):
    german(**WHOLE, **{"{count}_pair": ["ein Paar", "{count} Paare"]})
    assert check.report() == []
    german(**{"{count}_pair": ["ein Paar", "{number} Paare"]})
    assert [line.split(": ")[1] for line in check.report()] == ["placeholders differ"]


def test_a_file_that_was_edited_out_of_order_is_found(german):
    german(**WHOLE, **PAIRS)
    path = check.path_of("de")
    head, *entries = path.read_text().strip().split("\n\n")
    path.write_text("\n\n".join([head, *reversed(entries)]) + "\n")
    assert [line.split(":")[1] for line in check.report()] == [
        " the file is not as merge would write it"
    ]
    check.main(["prune"])
    assert check.report() == []


def test_an_english_plural_whose_forms_differ_is_found(monkeypatch):
    said = {
        ("{count} of {total}", "{count} of {name}"): "a.py:1",
        ("one", "{count}"): "a.py:2",
        "one": "a.py:3",
    }
    monkeypatch.setattr(check, "calls_by_place", list)
    monkeypatch.setattr(check, "messages", lambda: said)
    monkeypatch.setattr(check, "OTHERS", [])
    assert [line.partition(":")[0] for line in check.report()] == [
        "singular and plural hold different placeholders",
        "gettext can't keep a sentence beside its plural",
    ]


@pytest.mark.parametrize(
    "sentence, wrong",
    [
        ("{name__} failed", "a placeholder's name says what it holds: {name__}"),
        ("{count2} cells", "a placeholder's name says what it holds: {count2}"),
        ("as {EMBEDDED}", "a placeholder's name says what it holds: {EMBEDDED}"),
        ("{row.value}", "a placeholder's name says what it holds: {row.value}"),
        ("{}", "a placeholder's name says what it holds: {}"),
        ("{count} pair{s}", "a plural goes through say_plural or ngettext: "),
        ("{count} step(s)", "a plural goes through say_plural or ngettext: "),
    ],
)
def test_a_message_that_a_translator_could_not_read_is_found(monkeypatch, sentence, wrong):
    monkeypatch.setattr(
        check, "messages", lambda: {sentence: "a.py:1", "{f1} and {f1_before}": "a.py:2"}
    )
    monkeypatch.setattr(check, "calls_by_place", list)
    monkeypatch.setattr(check, "OTHERS", [])
    [found] = check.report()
    assert found.startswith(wrong) and found.endswith("(a.py:1)")


@pytest.mark.parametrize(
    "name, code, found",
    [
        (
            "a.py",
            """f"{_('in a text')}"; say("{a}", a=str(_("deeper"))); ngettext("one", "more", 2); say_plural("1", x, 2); _(y); _()""",
            {("in a text",), ("{a}",), ("deeper",), ("one", "more"), ("1", None), (None,)},
        ),
        (
            "a.html",
            """{% for x in [_("in a list")] %}{{ ngettext("one", "more", x) }}{{ _("{a}", a=_("deeper")) }}{% endfor %}{{ _(y) }}""",
            {("in a list",), ("one", "more"), ("{a}",), ("deeper",), (None,)},
        ),
    ],
)
def test_every_call_in_a_file_is_found(tmp_path, name, code, found):
    (tmp_path / name).write_text(code)
    assert {texts for _line, texts in check.said_in(tmp_path / name)} == found


def test_a_text_that_is_no_literal_is_found(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text(
        'say("good")\nsay(name)\n_(f"{name}")\nsay_plural("one", name, 2)\nngettext("a", "b", 2)\n'
    )
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(
        check, "source_files", lambda suffix=".py": [tmp_path / "a.py"] if suffix == ".py" else []
    )
    assert check.not_literal() == ["a.py:2", "a.py:3", "a.py:4"]


def test_a_runs_story_is_kept_in_english_and_told_in_the_readers_language(chinese, tmp_path):
    from pipeline.runs.folder import append_event, read_events

    origin = {"loaded": "x", "reason": say(SAID["sentence"], row=1, split="test")}
    append_event(
        tmp_path,
        {
            "event": "stopped",
            "seconds": 1,
            "reason": say(SAID["sentence"], row=9, split="train"),
            "model": origin,
        },
    )
    assert '"reason": "No row 9 in train."' in (tmp_path / "events.jsonl").read_text()
    [event] = read_events(tmp_path / "events.jsonl")
    with speaking("zh"):
        assert (
            f"{event['reason']} {event['model']['reason']}"
            == "train 中没有第 9 行。 test 中没有第 1 行。"
        )


@pytest.mark.parametrize(
    "said",
    [
        1,
        [],
        {"reason": 3},
        {"seconds": ["x", {}]},
        {"model.x": ["a", {}]},
        {"reason": ["{0.real}", {}]},
    ],
)
def test_a_foreign_story_is_told_as_it_is(chinese, said):
    from pipeline.runs.folder import restore_sentences

    event = {"event": "stopped", "seconds": 1, "reason": "as it is", "model": 3}
    assert restore_sentences({**event, "said": said}) == event


# ---------------------------------------------------------------- what is put into a sentence

WORD = re.compile(r"[A-Za-z]{2,}")
# Names that are the same in every language: of Python, of a column of a file, of what a grid shows
NAMES = {"floor", "ceil", "sentence", "pieces", "NaN"}


def is_spoken(node, functions=(*check.KEYWORDS, "told")):
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions
    )


class Source:
    """A file in which values are followed back to the texts they are made of, as far as that can be read from it alone."""

    def __init__(self, code):
        self.tree = ast.parse(code)
        self.nodes = list(ast.walk(self.tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self.functions = {
            node.name: node for node in self.nodes if isinstance(node, ast.FunctionDef)
        }

    def untranslated(self):
        """["line: English text", …] of what goes into a sentence and no catalogue has."""
        values = [
            keyword.value for node in self.nodes if is_spoken(node) for keyword in node.keywords
        ]
        found = {(leaf.lineno, text) for value in values for leaf, text in self.texts(value)}
        return [
            f"{line}: {text}"
            for line, text in sorted(found)
            if set(WORD.findall(re.sub("<[^>]*>", "", text))) - NAMES
        ]

    def lost(self):
        """[line, …] where a text is put to one that is said later: str + str is English, whoever reads it."""
        later = (
            node.left if isinstance(node, ast.BinOp) else node.value
            for node in self.nodes
            if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Add)
        )
        after = (
            node.right
            for node in self.nodes
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
        )
        return sorted(
            node.lineno for node in (*later, *after) if is_spoken(node, ("say", "say_plural"))
        )

    def fixed(self):
        """[line, …] where a text is put into the language of whoever speaks now, and not of its later reader."""
        raised = {
            part
            for node in self.nodes
            if isinstance(node, ast.ExceptHandler)
            and ast.unparse(node.type or node) in ("InputError", "SourceError", "NoAnswer")
            for part in ast.walk(node)
            if isinstance(part, ast.Name) and part.id == node.name
        }

        def later(node):
            return is_spoken(node, ("say", "say_plural")) or node in raised

        prints = [
            node
            for node in self.nodes
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
        ]
        read_at_once = {part for node in prints for part in ast.walk(node)}
        found = [node for node in self.nodes if is_spoken(node, ("_", "ngettext"))]
        for node in set(self.nodes) - read_at_once:
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("str", "map"):
                parts = node.args if ast.unparse(node.func) == "str" else ast.walk(node)
                found += [node] if any(map(later, parts)) else []
            elif isinstance(node, ast.FormattedValue) and later(node.value):
                found.append(node)
        return sorted(node.lineno for node in found)

    def texts(self, node, seen=()):
        """(node, text) of each literal that a value may hold; what is said itself has its own line in the catalogue."""
        if node in seen or is_spoken(node):
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value
        elif isinstance(node, ast.JoinedStr):
            yield (
                node,
                "".join(
                    part.value if isinstance(part, ast.Constant) else "…" for part in node.values
                ),
            )
        for part in self.parts(node):
            yield from self.texts(part, (*seen, node))

    def parts(self, node):
        """What a value is made of: not what it is looked up by, compared with or formatted as."""
        if isinstance(node, ast.JoinedStr):
            return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        if isinstance(node, ast.IfExp):
            return [node.body, node.orelse]
        if isinstance(node, ast.BinOp):
            return [node.left, node.right]
        if isinstance(node, (ast.BoolOp, ast.Dict)):
            return node.values
        if isinstance(node, (ast.Tuple, ast.List)):
            return node.elts
        if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
            return [node.elt]
        if isinstance(node, ast.Subscript):
            return [node.value]
        if isinstance(node, ast.Name):
            return self.assigned(node)
        return self.called(node) if isinstance(node, ast.Call) else []

    def called(self, node):
        if isinstance(node.func, ast.Attribute):
            arguments = {"join": node.args, "get": node.args[1:]}.get(node.func.attr, [])
            return [node.func.value, *arguments]
        function = self.functions.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if function:
            return [
                part.value
                for part in ast.walk(function)
                if isinstance(part, ast.Return) and part.value
            ]
        return (
            node.args
            if getattr(node.func, "id", "")
            in ("str", "text", "map", "next", "iter", "list", "tuple")
            else []
        )

    def assigned(self, name):
        """The values that a name is given in its function."""
        scope = name
        while not isinstance(scope, (ast.FunctionDef, ast.Module)):
            scope = self.parents[scope]
        for node in ast.walk(scope):
            targets = (
                node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            )
            for target in (
                targets if isinstance(node, (ast.Assign, ast.AugAssign, ast.NamedExpr)) else []
            ):
                yield from self.matched(name.id, target, node.value)

    def matched(self, name, target, value):
        if isinstance(target, ast.Name) and target.id == name:
            yield value
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
            yield from (
                *self.matched(name, target, value.body),
                *self.matched(name, target, value.orelse),
            )
        elif (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            for one, other in zip(target.elts, value.elts, strict=True):
                yield from self.matched(name, one, other)


@pytest.mark.parametrize(
    "path", check.source_files(), ids=lambda path: str(path.relative_to(check.ROOT))
)
def test_nothing_english_is_put_into_a_sentence(path):
    source = Source(path.read_text(encoding="utf-8"))
    assert source.untranslated() == [] and source.lost() == []


@pytest.mark.parametrize(
    "code, found",
    [
        ('say("{a}", a="" if b else "empty")', "empty"),
        ('_("{a}", a=f"{b:,} entries")', "… entries"),
        ('def f():\n    return "end" if b else "beginning"\nsay("{a}", a=f())', "beginning"),
        (
            'def f():\n    n, kind = (3, say("x")) if b else (4, "4 bytes")\n    say("{a}", a=kind)',
            "4 bytes",
        ),
        ('say("{a}", a=b or "unnamed")', "unnamed"),
        ('_("{a}", a=" and ".join(b))', " and "),
    ],
)
def test_english_in_a_sentence_is_found(code, found):
    assert found in [each.partition(": ")[2] for each in Source(code).untranslated()]


@pytest.mark.parametrize(
    "code",
    [
        'say("{a}{s}", a=say("empty"), s="s")',
        '_("{a}", a=f"<b class=\'word\'>{b:.3f}</b>")',
        'say("{a}", a=b["input_ids"])',
        'say("{a}", a=", ".join(b))',
        'say("{a}", a="" if b == "embedded" else c.get("name"))',
    ],
)
def test_what_needs_no_translation_is_not(code):
    assert Source(code).untranslated() == []


PIPELINE = [
    path
    for path in check.source_files()
    if path.relative_to(check.ROOT).parts[0] in ("pipeline", "layers")
    and path.name != "__main__.py"
]


@pytest.mark.parametrize("path", PIPELINE, ids=lambda path: str(path.relative_to(check.ROOT)))
def test_the_pipeline_fixes_no_text_in_one_language(path):
    assert Source(path.read_text(encoding="utf-8")).fixed() == []


@pytest.mark.parametrize(
    "code",
    [
        'str(say("x"))',
        "f\"{say('x')}\"",
        '" ".join(map(str, [say("x")]))',
        '_("x")',
        'ngettext("x", "y", 2)',
        "try:\n    a()\nexcept InputError as error:\n    b(str(error))",
    ],
)
def test_a_text_fixed_in_one_language_is_found(code):
    assert Source(code).fixed() == [4 if "try" in code else 1]


def test_what_is_wrong_with_a_file_speaks_its_readers_language(tmp_path):
    """Its rows are read once, and kept for whoever looks."""
    path = tmp_path / "pairs.csv"
    path.write_text('sentence1,sentence2,label\n"a\nb",c,2\n,d,0\ne\nf,g,0,h\n')
    rows = read_pairs(path, settings=Settings()).rows
    assert rows[0].note == (
        "This row spans lines 2 to 3 of the file: a quoted cell has line breaks. "
        "label is '2', which is neither 0 nor 1, so this row isn't counted."
    )
    with speaking("zh"):
        said = [f"{row.error or row.note}" for row in rows]
    assert [
        re.sub("[^A-Za-z]", "", text.replace("sentence", "").replace("label", "")) for text in said
    ] == [""] * 4
    assert "。" in said[0] and ". " not in said[0]


def test_an_origin_is_kept_in_english_and_told_in_the_readers_language():
    with speaking("zh"):
        kept = sources.stand_in("a/b", say("HF_HUB_OFFLINE is set")).origin.said
    assert str(kept).startswith(EMBEDDED_CHECKPOINT) and re.search("[\u4e00-\u9fff]", kept) is None
    with speaking("zh"):
        assert re.search("[\u4e00-\u9fff]", str(kept))


def test_a_text_put_to_one_that_is_said_later_is_found():
    assert Source('a = say("x") + b\nc = b + say("x")\nd += say("x")\ne += _("x")').lost() == [
        1,
        2,
        3,
    ]


# ---------------------------------------------------------------- the page in Chinese, whole messages


def test_chinese_has_no_blank_after_its_marks():
    assert {
        key: said
        for key, said in spoken.catalogue("zh").items()
        if re.search(r"[。，；：、！？]\s+\S", "".join(check.forms(said)))
    } == {}


OVERFITTED = diagnosis.Diagnosis(
    diagnosis.OVERFITS,
    say(
        "it made only {steps} of {batch} each",
        steps=say_plural("{count} step", "{count} steps", 7),
        batch=say_plural("{count} pair", "{count} pairs", 1),
    ),
    diagnosis.Remedy({"max_steps": 5, "epochs": 1}, say("Dropout makes memorising harder.")),
)
BEFORE_AND_AFTER = {
    "seconds": 30,
    "before": {"accuracy": 0.6, "f1": 0.7},
    "after": {"accuracy": 0.7, "f1": 0.8},
}


def ended(**more):
    start = {"event": "start", "seconds": 1, "majority": {"accuracy": 0.65, "f1": 0.79}}
    return run_drawing.result(
        Run("0" * 32, "done", {}, [start, {"event": "done", **BEFORE_AND_AFTER, **more}])
    )


def refused(work, *arguments):
    with pytest.raises(ValueError) as raised:
        work(*arguments)
    return str(raised.value)


def why_all_cells(*pair):
    """Everything that is said of a padded pair with a word in pieces and one without any."""
    tokenizer, _origin = tokenizer_for(EMBEDDED_CHECKPOINT, settings=Settings())
    view = padded_view(token_view(tokenizer, *pair), 24, tokenizer)
    return "".join(
        f"<p>{said}</p>"
        for place in range(24)
        for row in ROWS
        for said in why_token(view, place, row, tokenizer).says
    )


def updater():
    from layers.updater import compare

    return updater_views.updater_summary(compare(steps=12))


def claim_card():
    from layers.claims import find

    claim = find("conv-sum-or-average")
    card = claim_views.claim_cards([(claim, layers_claims.run_claim(claim))])
    return card.partition('<p class="claim-foot"')[0].partition("</button>")[2]


def batch(show):
    view = SimpleNamespace(pieces=[["的"]], tensors={"input_ids": [[3]], "attention_mask": [[1]]}, lengths=[1], cells=1,
                           padding_cells=0, roles=[["sentence1"]])  # fmt: skip
    return tokens.batch_grid(view, [0], {"show": show})


def a_cost():
    cost = Cost("dynamic", [(4, 52), (4, 52), (4, 45)], 1, 0, 0.0, seconds=0.012, turns=1)
    return experiments.padding_costs([cost], [(9, 45)] * 12, 4)


def stress():
    rows = [probing.Stressed(probing.CHANGES[1][0], "", "", None, probing.CHANGES[1][3])]
    return predict_drawing.stress_table(rows)


def asked_to_hide():
    query = {"tab": "predict", "hide": "nothing"}
    return str(sharing.opened(query, [sharing.Shared("predict", {"model": None})]).wrong[0])


def stands_in():
    origin = sources.Origin("a/b", EMBEDDED_CHECKPOINT, "embedded", sources.stand_in("a/b", say("HF_HUB_OFFLINE is set"))
                            .origin.reason, True)  # fmt: skip
    prediction = prediction_module.Prediction(
        "equivalent", {}, {}, 3, ("", ""), (model_module.NEW_HEAD,)
    )
    return compare_models.row("a/b", (prediction, origin))[2]


MESSAGES = {
    "an empty sentence": lambda: refused(checked_pair, "", "a", Settings()),
    "a blank sentence": lambda: refused(checked_pair, " ", "a", Settings()),
    "why": lambda: why_all_cells("Ü 14159265 🦜 3.", "2."),
    "a diagnosis": lambda: run_drawing.diagnosis_card(OVERFITTED),
    "a result": lambda: ended(),
    "a result with its memory": lambda: ended(peak_bytes=812),
    "a record": lambda: predict_drawing.record_line(probing.record_of(READY)),
    "a change that can't be": stress,
    "a claim": claim_card,
    "the updater": updater,
    "a batch's pieces": lambda: batch("pieces"),
    "a batch's ids": lambda: batch("input_ids"),
    "what padding costs": a_cost,
    "a link that hides": asked_to_hide,
    "a stand-in": stands_in,
    "no claim": lambda: layers_address.read_address({"tab": "layers", "claim": "conv-sum"}).message,
    "no section": lambda: refused(layers_claims.claims_of, "pools"),
    "a failure": lambda: str(training.failure_message(KeyError())),
    "planes": lambda: layer_views.planes([[[[1.0]]]])[0][0],
    "a number in an address": lambda: refused(
        sharing.checked_number, "max_length", "4", SimpleNamespace(minimum=8, maximum=512, precision=0)
    ),
    "a file's answers": lambda: predict_drawing.answers_table([]),
    "a curve": lambda: re.search('aria-label="(.*?)"', charts.line_chart("损失", {"甲": [(0, 1)], "乙": [(0, 1)]}, "步", "值"))[1],
}  # fmt: skip
# What has a digit, a hyphen, an underscore or a stroke in it is a name anyhow
AS_THEY_ARE = set(
    """KeyError config json equivalent MRPC logits softmax BERT WordPiece CLS SEP PAD UNK epochs MSELoss Hub python
    layers conv pooling normalization dropout losses updater tokenizing collating training pools nothing model""".split()
)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_chinese_throughout(name):
    with speaking("zh"):
        drawn = MESSAGES[name]()
    said = html.unescape(
        re.sub("<[^>]+>", "\n", re.sub("<(code|bdi|pre|template)\\b[^>]*>.*?</\\1>", "x", drawn))
    )
    assert re.search("[\u4e00-\u9fff]", said)
    # A word of a sentence's own, in quotes or as a piece, isn't ours to translate
    said = re.sub("“[^”]*”|##\\w+|\\[\\w+\\]", "x", said)
    assert set(re.findall(r"(?a)(?<![\w/-])[A-Za-z]{2,}(?![\w/-])", said)) - AS_THEY_ARE == set()
    # Tags have become line breaks
    assert (
        re.search(
            "[。，；：、]\n* |[\u4e00-\u9fff]\n*[:,.;]|[\u4e00-\u9fff] [\u4e00-\u9fff]|[\u4e00-\u9fff]\\d|。。",
            said,
        )
        is None
    ), said


def test_a_kept_reason_is_told_in_each_readers_language():
    with speaking("zh"):
        reason = hub_reason(HubUnavailable(say("the Hub can't be reached")))
    assert f"{reason}" == "the Hub can't be reached"


def test_a_sentence_made_for_a_chinese_reader_is_english_for_the_next():
    """The first visitor's language must not stay in what is kept: a checkpoint's origin is read by all."""
    with speaking("zh"):
        said = say(
            "{loaded} ({place}): {reason}", loaded=say("embedded pairs"), place="x", reason="y"
        )
        assert "embedded" not in str(said)
    assert str(said) == said.english == "embedded pairs (x): y"


def test_two_branches_catalogues_are_joined_message_by_message(tmp_path):
    def written(name, texts):
        catalog = check.Catalog("zh", fuzzy=False)
        for message, text in texts.items():
            catalog.add(message, text)
        (tmp_path / name).write_bytes(check.as_written(catalog))
        return str(tmp_path / name)

    plural = ("{count} row", "{count} rows")
    was = {"Kept": "保留", "Theirs": "旧", "Ours": "旧", plural: ("旧 {count}",)}
    base = written("base", was)
    ours = written("ours", {**was, "Ours": "我们的", "Added here": "这里加的"})
    theirs = {"Kept": "保留", "Theirs": "他们的", "Ours": "旧", "Added there": "那里加的"}
    check.join(base, ours, written("theirs", {**theirs, plural: ("{count} 行",)}))
    joined = {one.id: one.string for one in check.read_po((tmp_path / "ours").open("rb")) if one.id}
    assert joined == {
        "Kept": "保留",
        "Theirs": "他们的",
        "Ours": "我们的",
        plural: ("{count} 行",),
        "Added here": "这里加的",
        "Added there": "那里加的",
    }
