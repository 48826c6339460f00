"""Why an answer: softmax by hand, each word left out, changes whose right answer is known, a file of pairs."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipeline.explain.probing as probing
from benchmarks import quality
from pipeline.edits.editor import KINDS, changed_pair
from pipeline.edits.english import NEW_WOMEN
from pipeline.errors import InputError
from pipeline.explain.probing import leave_one_out, record_of, stress, without, words_of
from pipeline.export import csv_answers as tables
from pipeline.export.csv_answers import (
    Answered,
    PairRow,
    answer_rows,
    as_text,
    read_pairs,
    write_answers,
)
from pipeline.hub.sources import adapter_files
from pipeline.prediction import model_for, predict, softmax, softmax_steps
from pipeline.settings import READY, WARMED, Settings

ROUNDING = (
    0.02  # of logits in bfloat16, where the processor has it: in a batch the last digits are others
)
PAIR = ("On Monday Alice Smith paid Bob 12 dollars.", "Bob was paid 12 dollars by Alice Smith.")

# ---------------------------------------------------------------- softmax by hand

LOGITS = st.floats(-1e6, 1e6)


@given(LOGITS, LOGITS)
def test_the_steps_are_torchs_softmax(first, second):
    steps = softmax_steps({"no": first, "yes": second})
    assert list(steps.probabilities.values()) == pytest.approx(softmax([first, second]), abs=1e-12)
    assert steps.total == pytest.approx(sum(steps.exps.values())) and math.isfinite(steps.total)
    assert steps.label == ("yes" if second > first else "no")


def test_small_logits_are_not_shifted():
    steps = softmax_steps({"no": -1.0, "yes": 2.0})
    assert steps.shift == 0 and steps.exps == {"no": math.exp(-1), "yes": math.exp(2)}


# ---------------------------------------------------------------- what mattered


@pytest.mark.parametrize(
    "sentence, at, left",
    [
        ("A cat sat.", 0, "cat sat."),
        ("A cat sat.", 1, "A sat."),
        ("A cat sat.", 2, "A cat."),
        ("Hi", 0, ""),
        ("Yes, no.", 1, "Yes,."),
        ("rose 3.5% again", 1, "rose% again"),
        ("the company's third-quarter", 2, "the company's"),
    ],
)
def test_a_word_and_its_blank_are_left_out(sentence, at, left):
    assert without(sentence, words_of(sentence, 1)[at]) == left


@given(st.text(max_size=80))
def test_words_are_where_they_say(sentence):
    words = words_of(sentence, 2)
    assert all(
        sentence[word.start : word.end] == word.word and word.sentence == 2 for word in words
    )
    assert all(len(without(sentence, word)) < len(sentence) for word in words)


def test_each_change_is_that_of_the_pair_asked_alone(tiny, settings):
    found = leave_one_out(tiny, "Shares of Acme rose.", "Acme was up.", settings=settings)
    whole = predict(tiny, [("Shares of Acme rose.", "Acme was up.")], settings=settings)[0][0]
    assert found.prediction.logits == pytest.approx(whole.logits, abs=ROUNDING)
    assert [word.word for word in found.words] == [
        "Shares",
        "of",
        "Acme",
        "rose",
        "Acme",
        "was",
        "up",
    ]
    shorter = [
        ("of Acme rose.", "Acme was up."),
        ("Shares Acme rose.", "Acme was up."),
        ("Shares of rose.", "Acme was up."),
        ("Shares of Acme.", "Acme was up."),
        ("Shares of Acme rose.", "was up."),
        ("Shares of Acme rose.", "Acme up."),
        ("Shares of Acme rose.", "Acme was."),
    ]
    for word, pair in zip(found.words, shorter, strict=True):
        [alone], _ = predict(tiny, [pair], settings=settings)
        assert word.prediction.logits == pytest.approx(alone.logits, abs=ROUNDING), pair
        change = (
            word.prediction.probabilities["equivalent"]
            - found.prediction.probabilities["equivalent"]
        )
        assert (
            word.change
            == change
            == pytest.approx(
                alone.probabilities["equivalent"] - whole.probabilities["equivalent"],
                abs=2 * ROUNDING,
            )
        )
    assert found.biggest == max(abs(word.change) for word in found.words) > 0


def test_all_variants_go_in_one_batched_forward_pass(tiny, settings, monkeypatch):
    model, origin = model_for(tiny, settings)
    shapes = []

    class Counted:
        config, device, notes = model.config, model.device, model.notes

        def __call__(self, **batch):
            shapes.append(tuple(batch["input_ids"].shape))
            return model(**batch)

    monkeypatch.setattr("pipeline.prediction.model_for", lambda *_: (Counted(), origin))
    found = leave_one_out(tiny, "One two three.", "Four five.", settings=settings)
    assert shapes == [(6, found.prediction.tokens)]


def test_a_word_without_which_nothing_is_left(tiny, settings):
    found = leave_one_out(tiny, "Hello", "Hello you", settings=settings)
    assert [word.change is None for word in found.words] == [True, False, False]


def test_too_many_words_are_refused_with_their_number(tiny, settings):
    leave_one_out(tiny, "a b", "c d", settings=replace(settings, max_words_left_out=4))
    with pytest.raises(InputError, match="5 words.* The limit here is 4 words. Shorten"):
        leave_one_out(tiny, "a b", "c d e", settings=replace(settings, max_words_left_out=4))
    with pytest.raises(InputError, match="sentence2 is empty"):
        leave_one_out(tiny, "a b", "", settings=settings)


def test_punctuation_alone_has_no_words(tiny, settings):
    found = leave_one_out(tiny, "...", "?!", settings=settings)
    assert found.words == [] and found.biggest == 0


# ---------------------------------------------------------------- stress


@pytest.fixture
def stressed(tiny, settings):
    rows, _ = stress(tiny, *PAIR, settings=settings)
    return {row.change: row for row in rows}


def test_every_change_does_what_it_says(stressed):
    assert list(stressed)[:3] == ["as it is", "swap the sentences", "the same sentence twice"]
    pairs = {change: (row.sentence1, row.sentence2) for change, row in stressed.items()}
    assert pairs["as it is"] == PAIR and pairs["swap the sentences"] == PAIR[::-1]
    assert pairs["the same sentence twice"] == (PAIR[0], PAIR[0])
    assert pairs["insert “not”"] == (PAIR[0], "Bob was not paid 12 dollars by Alice Smith.")
    assert pairs["change a number"] == (
        PAIR[0],
        f"Bob was paid {pairs['change a number'][1].split()[3]} dollars by Alice Smith.",
    )
    assert pairs["change a number"] != PAIR
    # a whole name for a whole name
    assert (
        pairs["change a name"][1].removeprefix("Bob was paid 12 dollars by ").rstrip(".")
        in NEW_WOMEN
    )
    # sentence 2 says it the other way round: the swap goes into sentence 1, where a day is no name and a full name is one
    assert pairs["swap two names"] == ("On Monday Bob paid Alice Smith 12 dollars.", PAIR[1])
    assert sorted(pairs["shuffle the words"][1].rstrip(".").split()) == sorted(
        PAIR[1].rstrip(".").split()
    )
    assert pairs["shuffle the words"] != PAIR


def test_page_and_figures_change_a_pair_with_the_same_editor(stressed, settings):
    for change, kind, *_why in probing.CHANGES:
        row, made = stressed[change], changed_pair(kind, PAIR, settings.seed)
        assert (row.sentence1, row.sentence2) == (made or ("", "")), change
    assert [kind for _change, kind, *_why in probing.CHANGES] == list(KINDS)
    assert quality.changed_pair is changed_pair


def test_what_the_answer_should_be_follows_from_the_pair(stressed, tiny, settings):
    should = {change: row.should for change, row in stressed.items()}
    assert [
        should.pop(same) for same in ("as it is", "swap the sentences", "the same sentence twice")
    ] == ["equivalent"] * 3
    possible = {change for change, row in stressed.items() if row.prediction}
    assert {should[change] for change in possible & set(should)} == {"not_equivalent"}
    other, _ = stress(tiny, *PAIR, "not_equivalent", settings=settings)
    assert [row.should for row in other] == [
        "not_equivalent",
        "not_equivalent",
        "equivalent",
        *[None] * 7,
    ]
    assert all(row.right is None for row in other[3:])


def test_right_and_wrong_are_the_models(stressed, tiny, settings):
    for row in stressed.values():
        if row.prediction:
            [alone], _ = predict(tiny, [(row.sentence1, row.sentence2)], settings=settings)
            assert row.prediction.label == alone.label and row.right == (alone.label == row.should)
    # a model that always says the same can't be right on both kinds
    assert {row.right for row in stressed.values()} == {True, False, None}


def test_a_change_that_cannot_be_made_says_why(tiny, settings):
    rows = {row.change: row for row in stress(tiny, "so be it", "so it be", settings=settings)[0]}
    for change, why in (
        ("insert “not”", "clearly negates"),
        ("change a number", "share no number"),
        ("change a day or a month", "share no day of the week, month"),
        ("change a name", "share no name"),
        ("swap two names", "in a list the order"),
        ("use the opposite word", "share no word"),
    ):
        assert (
            rows[change].prediction is None
            and rows[change].should is None
            and rows[change].right is None
        )
        assert why in rows[change].why
    assert rows["shuffle the words"].prediction
    one = {row.change: row for row in stress(tiny, "yes", "yes", settings=settings)[0]}
    assert one["shuffle the words"].prediction is None


def test_right_answers_are_not_marked_wrong(tiny, settings):
    """What an earlier editor made of these pairs said the same as before, or was no English."""
    pairs = [
        (
            "Italy and France signed the pact.",
            "The pact was signed by Italy and France.",
            "swap two names",
        ),
        ("They had no plans to sell.", "They had no plans for a sale.", "insert “not”"),
        ("You can't park here.", "You can't park in this place.", "insert “not”"),
        (
            '" All of a sudden it was dark , " she said .',
            '" It was dark all of a sudden , " she said .',
            "change a name",
        ),
    ]
    for sentence1, sentence2, change in pairs:
        rows = {row.change: row for row in stress(tiny, sentence1, sentence2, settings=settings)[0]}
        assert rows[change].prediction is None, rows[change]


def test_a_change_that_makes_a_sentence_too_long_says_so(tiny, settings):
    longest = ("It is " + "a" * 2000)[: settings.max_characters - 1] + "."
    rows = {row.change: row for row in stress(tiny, longest, longest, settings=settings)[0]}
    assert (
        rows["insert “not”"].prediction is None and "the limit is 2,000" in rows["insert “not”"].why
    )
    assert rows["as it is"].prediction


def test_the_same_pair_is_changed_in_the_same_way(tiny, settings):
    once, again = (stress(tiny, *PAIR, settings=settings)[0] for _ in range(2))
    assert once == again


def test_an_unknown_label_is_refused(tiny, settings):
    with pytest.raises(InputError, match="truth is 'maybe'.*not_equivalent, equivalent"):
        stress(tiny, *PAIR, "maybe", settings=settings)


# ---------------------------------------------------------------- a file in


def file_of(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "pairs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text, encoding",
    [
        ("sentence1,sentence2\nA é.,B\n", "utf-8"),
        ("\ufeffsentence1,sentence2\r\nA é.,B\r\n", "utf-8"),
        ("id;Sentence2 ;label; SENTENCE1\n7;B;1;A é.\n", "utf-8"),
        ("sentence1\tsentence2\nA é.\tB\n", "utf-16"),
        ('sentence1,sentence2\n\n"A é.","B"\n,\n', "utf-8"),
    ],
)
def test_files_as_spreadsheets_write_them(tmp_path, text, encoding):
    [row] = read_pairs(file_of(tmp_path, text, encoding), settings=Settings()).rows
    assert (row.sentence1, row.sentence2, row.error) == ("A é.", "B", "")


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "no rows with the columns sentence1 and sentence2"),
        ("a,b\n1,2\n", "no rows with the columns"),
        ("sentence1,sentence2\n", "no rows. Write a pair"),
        (b"sentence1,sentence2\n\xe9,b\n", "CSV UTF-8"),
        ("sentence1,sentence2,Sentence1\na,b,c\n", "names the column sentence1 twice"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_pairs(file_of(tmp_path, text), settings=Settings())


def test_limits_of_a_file(tmp_path):
    path = file_of(tmp_path, "sentence1,sentence2\n" + "a,b\n" * 10)
    assert (
        len(read_pairs(path, max_rows=10, max_bytes=path.stat().st_size, settings=Settings()).rows)
        == 10
    )
    with pytest.raises(InputError, match="more rows than the limit of 9"):
        read_pairs(path, max_rows=9, settings=Settings())
    with pytest.raises(InputError, match="larger than the limit of .* MiB"):
        read_pairs(path, max_bytes=path.stat().st_size - 1, settings=Settings())
    with pytest.raises(InputError, match="'shown.csv' can't be read: No such file"):
        read_pairs(tmp_path / "none.csv", name="shown.csv", settings=Settings())


def test_a_bad_row_has_its_own_error(tmp_path):
    text = (
        'sentence1,sentence2\ngood,pair\n,empty\na,b,c\n"two\nlines", ok\n'
        + "x" * 2001
        + ",long\nonly\n"
    )
    rows = read_pairs(file_of(tmp_path, text), settings=Settings()).rows
    assert [row.line for row in rows] == [2, 3, 4, 5, 7, 8]
    assert [bool(row.error) for row in rows] == [False, True, True, False, True, True]
    assert (
        "sentence1 is empty" in rows[1].error
        and "3 cells" in rows[2].error
        and "2,001 characters" in rows[4].error
    )
    assert "ends before sentence2" in rows[5].error and rows[3].sentence1 == "two\nlines"


# ---------------------------------------------------------------- the model between, and a file out


def test_rows_are_answered_in_their_order_as_alone(tiny, settings):
    rows = [
        PairRow(n, f"Number {n} rose.", f"Number {n % 3} fell.", "bad" if n % 5 == 0 else "")
        for n in range(40)
    ]
    chunks = list(answer_rows(tiny, rows, settings=settings, at_once=7))
    answered = [answer for answers, _ in chunks for answer in answers]
    assert [answer.row for answer in answered] == rows and len(chunks) == 6
    for answer in answered:
        if answer.row.error:
            assert answer.prediction is None
        else:
            [alone], _ = predict(
                tiny, [(answer.row.sentence1, answer.row.sentence2)], settings=settings
            )
            assert answer.prediction.logits == pytest.approx(alone.logits, abs=1e-3)


def test_rows_of_errors_alone_ask_no_model(settings, monkeypatch):
    monkeypatch.setattr(tables, "predict", lambda *asked: pytest.fail("the model was asked"))
    assert list(answer_rows("tiny/bert", [PairRow(2, "", "", "bad")], settings=settings)) == [
        ([Answered(PairRow(2, "", "", "bad"), None)], None)
    ]


def test_a_model_that_cannot_be_had_fails_the_file(settings):
    with pytest.raises(InputError, match="not a checkpoint id"):
        list(answer_rows("../x", [PairRow(2, "a", "b")], settings=settings))


def test_a_stand_in_that_leaves_midway_is_not_mixed_in(tiny, settings, monkeypatch):
    origins = iter(["stand-in", "asked for"])

    def changing(checkpoint, pairs, *more, **options):
        predictions, origin = predict(tiny, pairs, *more, **options)
        return predictions, replace(origin, loaded=next(origins))

    monkeypatch.setattr(tables, "predict", changing)
    with pytest.raises(InputError, match="stand-in was used instead of asked for.*Start again"):
        list(
            answer_rows(
                "x/y", [PairRow(2, "a", "b"), PairRow(3, "a", "b")], settings=settings, at_once=1
            )
        )


def written(answers):
    file = io.StringIO(newline="")
    write_answers(answers, file)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_the_file_that_comes_back(tiny, settings, tmp_path):
    rows = read_pairs(
        file_of(tmp_path, 'sentence1,sentence2\n"A, b.",=1+1\n,x\n'), settings=Settings()
    ).rows
    [(answers, _)] = answer_rows(tiny, rows, settings=settings)
    good, bad = written(answers)
    assert (
        good["sentence1"] == "A, b."
        and good["sentence2"] == "'=1+1"
        and good["error"] == good["note"] == ""
    )
    told = answers[0].prediction
    assert good["predicted_label"] == told.label
    for label in ("equivalent", "not_equivalent"):
        assert float(good[f"probability_{label}"]) == pytest.approx(
            told.probabilities[label], abs=1e-6
        )
        assert float(good[f"logit_{label}"]) == pytest.approx(told.logits[label], abs=1e-6)
    assert (
        bad["predicted_label"] == bad["logit_equivalent"] == ""
        and "sentence1 is empty" in bad["error"]
    )


def test_an_answer_to_a_cut_pair_has_a_note(tiny, settings):
    [(answers, _)] = answer_rows(
        tiny, [PairRow(2, "one two three four five six", "seven")], 8, settings=settings
    )
    assert "didn't read all of sentence1" in written(answers)[0]["note"]


@given(st.text(max_size=30))
def test_no_text_comes_back_as_a_formula_and_none_is_lost(sentence):
    cell = as_text(sentence)
    assert not cell.lstrip().startswith(
        ("=", "+", "-", "@", "＝", "＋", "－", "＠")
    ) and not cell.startswith(("\t", "\r", "\n"))
    assert cell in (sentence, "'" + sentence)


@pytest.mark.parametrize(
    "sentence",
    ["=cmd|' /C calc'!A0", " =1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "- he said"],
)
def test_formulas_are_texts(sentence):
    assert as_text(sentence) == "'" + sentence


def test_the_caps_are_where_the_page_says():
    assert (Settings().max_words_left_out, Settings().max_csv_rows) == (80, 2000)


# ---------------------------------------------------------------- what is known of a model


def test_a_models_record_is_that_of_its_card():
    record, card = record_of(READY), (adapter_files(READY).adapter / "README.md").read_text()
    assert 0.5 < record.majority < record.accuracy < 1 and f"{100 * record.accuracy:.1f} / " in card
    # six pairs of two names are on the card, but no share to quote
    assert list(record.noticed) == [
        change for change, kind, *_ in probing.CHANGES if kind != "roles"
    ]
    assert "| two names swapped | 0 of 6 " in card
    told = json.loads((adapter_files(READY).adapter / "record.json").read_text())
    assert all(f"| {part} of {whole:,} (" in card for part, whole in told["noticed"].values())
    test = {
        who: f"{100 * one['accuracy']:.1f} / {100 * one['f1']:.1f}"
        for who, one in told["test"].items()
    }
    columns = [
        cell.strip() for cell in card.partition("| accuracy / F1")[2].splitlines()[0].split("|")
    ]
    for row, who in (("majority", "majority"), ("this adapter", "adapter")):
        cells = card.partition(f"| {row} |")[2].splitlines()[0].split("|")
        assert cells[columns.index("MRPC test") - 1].strip() == test[who]
    assert all(f"({share:.1%})" in card for share in record.noticed.values())
    assert record.one_wrong_in == round(1 / (1 - record.accuracy))
    assert (
        record_of(WARMED) is None
        and record_of("../../etc") is None
        and record_of("adapter:../x") is None
    )
