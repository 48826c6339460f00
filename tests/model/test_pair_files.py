"""Files of pairs as people and spreadsheets write them: no row is lost, merged or answered by halves without a word."""

import csv
import io
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.export import csv_answers as tables
from pipeline.export.csv_answers import (
    Answered,
    PairRow,
    answer_rows,
    notes_of,
    read_pairs,
    scores_of,
    write_answers,
)
from pipeline.own_pairs import csv_reader as cells
from pipeline.prediction import Prediction, predict
from pipeline.settings import LABELS, Settings
from views import predictions as predict_drawing

HEAD = "sentence1,sentence2\n"


@pytest.fixture
def read(tmp_path):
    """read(text, encoding) -> PairFile."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "pairs.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_pairs(path, name="pairs.csv", settings=Settings())

    return read


def told(pairs):
    """[(line, sentence1, sentence2, the first words of its error), …]."""
    return [(row.line, row.sentence1, row.sentence2, row.error[:33]) for row in pairs.rows]


# ---------------------------------------------------------------- quotation marks

OPEN, UNCLEAR = "A quotation mark at the beginning", "Lines 2 to 4 were read as one row"


@pytest.mark.parametrize(
    "text, rows",
    [
        # Three pairs that the csv module makes one of, and answers
        (
            '"Hello.,Hi.\nOne.,Two.\nThree.",Four.\nFive.,Six.\n',
            [
                (2, '"Hello.', "Hi.", OPEN),
                (3, "One.", "Two.", ""),
                (4, 'Three."', "Four.", ""),
                (5, "Five.", "Six.", ""),
            ],
        ),
        ('"Hello.,Hi.\nOne.,Two.\n', [(2, '"Hello.', "Hi.", OPEN), (3, "One.", "Two.", "")]),
        ('"Hello.","Hi.\n"One.","Two."\n', [(2, "Hello.", '"Hi.', OPEN), (3, "One.", "Two.", "")]),
        ('Hello.,"Hi.\nOne.,"Two."\n', [(2, "Hello.", '"Hi.', OPEN), (3, "One.", "Two.", "")]),
        # What a sentence in quotation marks may hold
        ('"two\nlines", ok\n', [(2, "two\nlines", "ok", "")]),
        ('"Hello, there\nworld",Two\n', [(2, "Hello, there\nworld", "Two", "")]),
        ('"He said ""hi""\nand, then, left",x\n', [(2, 'He said "hi"\nand, then, left', "x", "")]),
        ('"a, b","c ""d"""\n', [(2, "a, b", 'c "d"', "")]),
        ('"a" , "b"\n', [(2, "a", "b", "")]),
        # Marks that weren't doubled are kept where it is clear what they hold
        ('"Yes" he said,Hi\n', [(2, '"Yes" he said', "Hi", "")]),
        ('"He said "hi" to me",Bye\n', [(2, 'He said "hi" to me', "Bye", "")]),
        ('"He said "hi", and left",Bye\n', [(2, 'He said "hi", and left', "Bye", "")]),
        ('5" tall,six\n', [(2, '5" tall', "six", "")]),
        # and no half a sentence is answered where it is not
        ('"I am happy," he said,Hi\n', [(2, '"I am happy', '" he said,Hi', OPEN)]),
        (
            '"One, Two\nThree, Four\nFive",Six\n',
            [(2, "One, Two\nThree, Four\nFive", "Six", UNCLEAR)],
        ),
        (
            '"One, Two\nThree, Four\nFive", Six\n',
            [(2, "One, Two\nThree, Four\nFive", "Six", UNCLEAR)],
        ),
    ],
)
def test_a_quotation_mark_takes_no_row_with_it(read, text, rows):
    assert told(read(HEAD + text)) == rows


def test_an_open_mark_does_not_cost_fifteen_hundred_rows(read):
    text = (
        HEAD
        + '"Acme rose.,Acme fell.\n'
        + "Shares rose 1.,Shares fell 1.\n" * 1500
        + 'The "end".,The "end" too.\n'
    )
    rows = read(text).rows
    assert len(rows) == 1502 and [row.line for row in rows if row.error] == [2]
    assert "The lines below were read as separate rows" in rows[0].error
    # Where cells have a blank after the comma, it is the file's habit and no sentence's
    rows = read(text.replace(",", ", ")).rows
    assert len(rows) == 1502 and [row.line for row in rows if row.error] == [2]


def test_a_row_of_several_lines_says_so(read):
    [row, _] = read(HEAD + '"two\nlines",ok\na,b\n').rows
    assert "spans lines 2 to 3" in row.note and not row.error


def test_a_tabulators_file_knows_quotation_marks_only_where_all_of_it_does(read):
    head = "sentence1\tsentence2\n"
    as_mrpc = '"Yes ," he said .\tIt is "so" .\n"We won ."\t"Fine\n'
    assert told(read(head + as_mrpc)) == [
        (2, '"Yes ," he said .', 'It is "so" .', ""),
        (3, '"We won ."', '"Fine', ""),
    ]
    as_excel = '"He said ""yes"""\tfine\n"two\nlines"\tx\n'
    assert told(read(head + as_excel)) == [
        (2, 'He said "yes"', "fine", ""),
        (3, "two\nlines", "x", ""),
    ]


@pytest.mark.parametrize(
    "dialect", [None, {"delimiter": "\t"}, {"quoting": csv.QUOTE_ALL}, {"delimiter": ";"}]
)
def test_every_pair_of_the_real_mrpc_is_read(read, mrpc_folder, dialect):
    """None: as Microsoft's own files have it, tabs and no quotation marks. 739 pairs have a sentence that begins with one."""
    raw_datasets, _ = load_raw_datasets("folder", Settings(mrpc_folder=mrpc_folder))
    pairs = [(row["sentence1"], row["sentence2"]) for rows in raw_datasets.values() for row in rows]
    file = io.StringIO(newline="")
    if dialect is None:
        file.write("sentence1\tsentence2\n" + "".join("\t".join(pair) + "\n" for pair in pairs))
    else:
        csv.writer(file, **dialect).writerows([("sentence1", "sentence2"), *pairs])
    rows = read(file.getvalue()).rows
    assert [(row.sentence1, row.sentence2) for row in rows] == pairs and not any(
        row.error or row.note for row in rows
    )


LINES = st.lists(st.text(st.sampled_from('ab",; \n\t'), max_size=12), max_size=8)


@given(LINES, st.sampled_from(",;\t"))
@example(['"a', "b,c", 'd"'], ",")
def test_no_line_is_lost(lines, delimiter):
    """Each line with any text is in exactly one row, in order, and each letter of it in that row's cells."""
    text = "\n".join(lines)
    rows = list(
        cells.rows_of(
            text, delimiter, lambda found: len(found) == 2 and all(cell.strip() for cell in found)
        )
    )
    of_lines = cells.lines_of(text)
    places = [line for row in rows for line in range(row.line, row.last + 1)]
    assert places == sorted(set(places))
    skipped = set(range(1, len(of_lines) + 1)) - set(places)
    assert all(not of_lines[line - 1].strip(f' \t"{delimiter}') for line in skipped)
    for row in rows:
        written = "".join(of_lines[row.line - 1 : row.last])
        assert [c for c in "".join(row.cells) if c in "ab"] == [c for c in written if c in "ab"]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_the_csv_module_writes_in_quotation_marks_is_read_back(rows):
    """The oracle is another program's writer. A break of lines in two neighbouring cells may rightly be unclear."""
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    found = list(cells.rows_of(file.getvalue(), ",", lambda cells: len(cells) == 2))
    expected = [tuple(row) for row in rows if any(cell.strip() for cell in row)]
    assert [row.cells for row in found] == expected or any(row.unclear or row.open for row in found)
    if not any("\n" in cell for row in rows for cell in row):
        assert [row.cells for row in found] == expected


# ---------------------------------------------------------------- what spreadsheets do


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nsentence1;sentence2\nA;B\n",
        '"sep=;"\r\nsentence1;sentence2\r\nA;B\r\n',
        "sep=|\nsentence1|sentence2\nA|B\n",
        "\n\nsentence1,sentence2\nA,B\n",
        ",,\nsentence1,sentence2\nA,B\n",
        ";;;\nsentence1;sentence2\nA;B;;\n",
        "sentence1,sentence2,,\nA,B,,\n",
        "sentence1,sentence2\nA,B,,,\n",
        "sentence1, sentence2\nA, B\n",
        'sentence1,sentence2\n"A", "B"\n',
        "sentence1,sentence2,id,topic\nA,B\n",
        "sentence1,sentence2,id,topic\nA,B,7\n",
        "id,sentence1,sentence2,topic\n7,A,B\n",
        "sentence1,sentence2\rA,B\r",
        "SENTENCE1\tSentence2 \t\nA\tB\t\n",
        "sentence1,sentence2\nA,B\n,\n \n",
    ],
)
def test_what_is_clear_is_simply_read(read, text):
    [row] = read(text).rows
    assert (row.sentence1.strip(), row.sentence2.strip(), row.error, row.note) == ("A", "B", "", "")


@pytest.mark.parametrize(
    "text, line, says",
    [
        (
            "sentence1,sentence2\nA, c,B\n",
            2,
            "3 cells, but the first line names 2. In this file commas separate the cells. Put",
        ),
        ("sentence1;sentence2\nA; c;B\n", 2, "In this file semicolons separate the cells. Put"),
        ("sep=|\nsentence1|sentence2\nA| c|B\n", 3, "In this file “|” separate the cells"),
        (
            "sentence1\tsentence2\nA\tc\tB\n",
            2,
            "Tabs separate the cells here. Remove the tab from the sentence",
        ),
        (
            'sentence1,sentence2\n"A","B",more\n',
            2,
            "The cell 'more' has no column name. Add one to the first line, or remove the cell",
        ),
        ("sentence1,sentence2,,\nA,B,more\n", 2, "3 cells, but the first line names 2"),
        (
            "sentence1\tsentence2\nA\n",
            2,
            "ends before sentence2: it has only 1 of the 2 cells that the first line names. Separate the cells with tabs",
        ),
        ("id,sentence1,sentence2\n7,A\n", 2, "ends before sentence2: it has only 2 of the 3"),
        ("sentence1,sentence2\nA,\u200b\u00ad\n", 2, "sentence2 has no readable character"),
    ],
)
def test_what_is_not_clear_gets_advice_that_fits_the_file(read, text, line, says):
    [row] = read(text).rows
    assert row.line == line and says in row.error
    assert "comma" not in row.error or "," in text


CHINESE = "sentence1,sentence2,label\n公司利润上升了12%。,公司赚的钱更多了。,1\n今天，天气很好。,今天下雨。,0\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030", "gb2312"],
)
def test_encodings(read, encoding):
    pairs = read(CHINESE, encoding)
    assert [row.sentence1 for row in pairs.rows] == ["公司利润上升了12%。", "今天，天气很好。"]
    assert bool(pairs.notes) == encoding.startswith("gb") and all(
        "GB18030" in note for note in pairs.notes
    )


@pytest.mark.parametrize(
    "text, encoding",
    [
        ("naïve café,b", "cp1252"),
        ("Привет мир,Это да", "cp1251"),
        ("こんにちは世界,b", "shift_jis"),
        ("今天天氣很好,學習", "big5"),
        ("안녕하세요 여러분. 주가가 올랐다,b", "cp949"),
        ("今日は会社の株価が上がりました,b", "euc_jp"),
    ],
)
def test_another_encoding_is_not_read_as_chinese(read, text, encoding):
    with pytest.raises(
        InputError, match="can't be read as a CSV in UTF-8. In a spreadsheet, save it as"
    ):
        read(f"{HEAD}{text}\n", encoding)


# ---------------------------------------------------------------- what comes back


def written(answers, columns):
    file = io.StringIO(newline="")
    write_answers(answers, file, columns)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_all_of_a_files_columns_come_back_and_none_is_overwritten(read, tiny, settings):
    text = (
        "id,Topic,sentence1,sentence2,label,note,error,score\n"
        "7,=1+1,A b.,C d.,1,mine,old,-0.5\n8,x,,C d.,0,,,-2\n9,y,A b.,C d.,maybe\n10,z,A,B,1,n,e,3,lost?\n"
    )
    pairs = read(text)
    [(answers, _)] = answer_rows(tiny, pairs.rows, settings=settings)
    rows = written(answers, pairs.columns)
    assert list(rows[0])[:8] == [
        "id",
        "Topic",
        "sentence1",
        "sentence2",
        "label",
        "note",
        "error",
        "score",
    ]
    assert list(rows[0])[8:] == ["predicted_label", *list(rows[0])[9:13], "error_2", "note_2"]
    first = rows[0]
    assert (first["id"], first["label"], first["note"], first["error"]) == ("7", "1", "mine", "old")
    assert (
        first["Topic"] == "'=1+1"
        and first["score"] == "-0.5"
        and first["predicted_label"] in LABELS
    )
    assert (
        "sentence1 is empty" in rows[1]["error_2"]
        and rows[1]["label"] == "0"
        and not rows[1]["predicted_label"]
    )
    assert (
        "label is 'maybe', which is neither 0 nor 1" in rows[2]["note_2"]
        and rows[2]["predicted_label"]
    )
    assert (
        rows[3]["score"] == "3,lost?"
        and "Nothing names" not in rows[3]["error_2"]
        and rows[3]["error_2"]
    )


def test_a_column_is_added_in_one_place(read, tiny, settings, monkeypatch):
    tokens = tables.predicted(lambda prediction: prediction.tokens)
    monkeypatch.setitem(tables.ANSWER_COLUMNS, "tokens", tokens)
    pairs = read("sentence1,sentence2,tokens\nA b.,C d.,mine\n,C d.,=1+1\n")
    [(answers, _)] = answer_rows(tiny, pairs.rows, settings=settings)
    good, bad = written(answers, pairs.columns)
    assert list(good)[-1] == "tokens_2" and good["tokens"] == "mine" and bad["tokens"] == "'=1+1"
    assert int(good["tokens_2"]) == answers[0].prediction.tokens and bad["tokens_2"] == ""


def test_a_file_that_came_back_can_be_read_again(read, tiny, settings):
    pairs = read(HEAD + "A b.,C d.\n")
    for _ in range(2):
        [(answers, _)] = answer_rows(tiny, pairs.rows, settings=settings)
        file = io.StringIO(newline="")
        write_answers(answers, file, pairs.columns)
        pairs = read(file.getvalue())
        assert not pairs.rows[0].error
    assert pairs.columns[-7:] == (
        "predicted_label_2",
        *[f"{name}_2" for name in list(tables.answer_columns())[1:]],
    )


def test_the_note_column_warns_of_what_the_page_warns_of(tiny, settings):
    """Another script, a part that was cut, a head that was drawn just now."""
    untrained = "sentence-transformers/all-MiniLM-L6-v2"
    rows = [
        PairRow(
            2, "one two three four five six seven eight nine", "公司的利润上升了。", note="Mine."
        )
    ]
    [(answers, _)] = answer_rows(untrained, rows, 16, settings=settings)
    [alone], _ = predict(untrained, [(rows[0].sentence1, rows[0].sentence2)], 16, settings=settings)
    note = written(answers, ("sentence1", "sentence2"))[0]["note"]
    assert len(alone.notes) == 2 and all(str(said) in note for said in alone.notes)
    assert (
        "head is new" in note
        and "another script" in note
        and "didn't read all of sentence" in note
        and note.startswith("Mine.")
    )
    drawn = predict_drawing.answers_table(answers)
    assert "another script" in drawn and "read all of sentence" in drawn and "Mine." in drawn


# ---------------------------------------------------------------- against the file's own labels


def answered(pairs):
    """[(gold label or None, answer or None), …] as answered rows."""
    return [
        Answered(
            PairRow(2, "a", "b", label=gold),
            says and Prediction(says, dict.fromkeys(LABELS, 0.5), {}, 3, ("", "")),
        )
        for gold, says in pairs
    ]


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1))
def test_scores_are_scikit_learns(pairs):
    gold, says = zip(*pairs, strict=True)
    scores = scores_of(answered([*pairs, (None, LABELS[0]), (LABELS[1], None)]))
    assert scores.pairs == len(pairs) and scores.figures["accuracy"] == pytest.approx(
        accuracy_score(gold, says)
    )
    assert scores.figures["f1"] == pytest.approx(
        f1_score(gold, says, pos_label=LABELS[1], zero_division=0)
    )
    matrix = confusion_matrix(gold, says, labels=LABELS)
    for (i, one), (j, other) in itertools.product(enumerate(LABELS), repeat=2):
        assert scores.confusion[one, other] == matrix[i][j]


@pytest.mark.parametrize(
    "written, gold",
    [
        ("1", 1),
        ("0", 0),
        (" 1 ", 1),
        ("1.0", 1),
        ("0.0", 0),
        ("True", 1),
        ("false", 0),
        ("Equivalent", 1),
        ("not_equivalent", 0),
        ("", None),
        ("-1", None),
        ("2", None),
        ("Yes", 1),
        ("n", 0),
        ("是", 1),
        ("不同", 0),
        ("perhaps", None),
        ("0.5", None),
    ],
)
def test_labels_as_files_write_them(read, written, gold):
    [row, _] = read(f"sentence1,sentence2,Label\na,b,{written}\na,b,1\n").rows
    assert row.label == (None if gold is None else LABELS[gold]) and not row.error
    assert ("neither 0 nor 1" in row.note) == (gold is None and bool(written))


def test_no_labels_are_no_scores(read, tiny, settings):
    pairs = read("sentence1,sentence2,label\na,b,sports\n")
    [(answers, _)] = answer_rows(tiny, pairs.rows, settings=settings)
    assert scores_of(answers) is None and "matrix" not in predict_drawing.answers_table(answers)
    assert "label holds no 0 or 1" in pairs.notes[0] and read(HEAD + "a,b\n").notes == ()


def test_the_page_shows_the_scores():
    drawn = predict_drawing.answers_table(
        answered([(LABELS[1], LABELS[1])] * 3 + [(LABELS[0], LABELS[1])]), ("Odd.",)
    )
    assert "On the 4 pairs with a label: <strong>accuracy 75.0%, F1 85.7%" in drawn
    assert (
        "has accuracy 75.0%, F1 85.7%" in drawn
        and drawn.count('class="right"') == 2
        and "Odd." in drawn
    )


def test_every_answer_says_its_notes_once():
    [one] = answered([(None, LABELS[0])])
    assert notes_of(one) == []
