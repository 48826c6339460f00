"""load_raw_datasets() -> DatasetDict of a task's labelled pairs: MRPC's, another task's, those of a
visitor, or the embedded ones.

MRPC (Microsoft Research Paraphrase Corpus, non-commercial research licence of Microsoft Research)
is never shipped: it comes from the Hub, or from a folder of parquet files named by the environment
variable MRPC_DIR. Whatever a task's own columns are called, here they are sentence1, sentence2,
label and idx; a task of one sentence has no sentence2. Splits without labels are left out.

    >>> raw_datasets, origin = load_raw_datasets("embedded", Settings())
    >>> {split: len(rows) for split, rows in raw_datasets.items()}
    {'train': 640, 'validation': 160, 'test': 160}
"""

import csv
import logging
import threading
import time
from collections.abc import Iterable, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say, say_plural
from pipeline.errors import HubUnavailable, InputError, SourceError, shown
from pipeline.hub.availability import (
    ask_hub,
    download_size,
    finish_download,
    is_permanent,
    unless_missing,
)
from pipeline.hub.sources import Origin
from pipeline.own_pairs import store
from pipeline.own_pairs.pairs import NO_LABEL
from pipeline.settings import Settings
from pipeline.task import CHINESE_PAIRS, EMBEDDED_PAIRS, MRPC, Task

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

Loaded = tuple["DatasetDict", Origin]

log = logging.getLogger(__name__)
# The project's first pairs, which give their label away: the lesson "Look for the shortcut"
SHORTCUT_PAIRS = EMBEDDED_PAIRS.with_name("shortcut")
# The places (see Origin) that are the app's own
APP_PLACES = ("embedded", "shortcut")
SOURCES = ("auto", "hub", "folder", "embedded", "shortcut")
SENTENCES = ("sentence1", "sentence2")
COLUMNS = (*SENTENCES, "label", "idx")

_kept: dict[Any, Any] = {}
_again: set[Any] = set()
_lock = threading.Lock()


def load_raw_datasets(source: str, settings: Settings, task: Task = MRPC) -> Loaded:
    """(DatasetDict, Origin). `auto`: the task's folder, else the Hub, else the embedded pairs.

    Columns: sentence1, sentence2 (str), label (ClassLabel with the task's names), idx (int32).
    Raises SourceError for a source that was asked for by name and can't be had.
    """
    if task.is_own:  # never kept here: they are one visitor's, and go when their time is over
        return _own(task, settings)
    key = (_source(source, task, settings), task, task.folder_in(settings))
    with _lock:
        if key not in _kept:
            _keep(key, settings)
        loaded, until = _kept[key]
    if until < time.monotonic():
        _load_again(key, settings)
    return loaded


def _source(asked: str, task: Task, settings: Settings) -> str:
    """What `auto` means here; InputError for what is no source of the task."""
    # The folder that a host has chosen for all is another task's
    is_elsewhere = settings.data == "folder" and not task.folder
    source = settings.data if asked == "auto" and not is_elsewhere else asked
    if source == "folder" and not task.folder:
        raise SourceError(
            say("{task}: no folder can be set for this task. Choose auto.", task=task.title)
        )
    if source not in SOURCES:
        raise InputError(
            say(
                "{source!r} is not a source of pairs. Choose one of {sources}.",
                source=str(source)[:60],
                sources=", ".join(SOURCES),
            )
        )
    if source == "shortcut" and _embedded_folder(task) != EMBEDDED_PAIRS:
        raise SourceError(
            say(
                "{task} has no pairs that give their label away. Choose auto, or the task {mrpc}.",
                task=task.title,
                mrpc=MRPC.name,
            )
        )
    if source == "embedded" and not _embedded_folder(task):
        if asked == "auto":  # the host's choice for all; who asks can't change it
            raise SourceError(
                say(
                    "This server loads no pairs from the Hub, and {task} has no embedded ones. "
                    "Choose {mrpc}, whose embedded pairs are always here.",
                    task=task.title,
                    mrpc=MRPC.title,
                )
            )
        raise SourceError(
            say(
                "{task} has no embedded pairs. Choose auto, which asks the Hub, or the task "
                "{mrpc}, whose embedded pairs are always here.",
                task=task.title,
                mrpc=MRPC.title,
            )
        )
    if source == "hub" and not task.repository:
        raise SourceError(say("{task}: this task isn't on the Hub. Choose auto.", task=task.title))
    return source


def _keep(key, settings):
    """Load, and keep; a stand-in only for a while: the Hub may be back."""
    loaded = _load(*key[:2], settings)
    _kept[key] = (
        loaded,
        time.monotonic() + (settings.hub_retry_seconds if loaded[1].stands_in else float("inf")),
    )


def _load_again(key, settings):
    """In the background, once at a time: nobody waits for a Hub that stalls while a stand-in is
    there.
    """

    def load():
        try:
            _keep(key, settings)
        finally:
            _again.discard(key)

    with _lock:
        # It may have come between the look at what is kept and this one
        if key in _again or _kept[key][1] >= time.monotonic():
            return
        _again.add(key)
    threading.Thread(target=load, daemon=True, name="pairs-again").start()


def _load(source: str, task: Task, settings: Settings) -> Loaded:
    if source == "embedded":
        return _embedded(task, say("as requested"), stands_in=False)
    if source == "shortcut":
        return _shortcut(task)
    if not task.repository and not task.folder:
        return _embedded(task, say("they come with the app"), stands_in=False)
    if _is_local(source, task, settings):
        return _from_folder(task, task.folder_in(settings))
    try:
        return _from_hub(task, settings)
    except HubUnavailable as error:
        return _embedded(task, _why_embedded(task, source, error))


def _is_local(source: str, task: Task, settings: Settings) -> bool:
    has_folder = task.folder_in(settings) is not None or not task.repository
    return source in ("embedded", "folder", "shortcut") or (source == "auto" and has_folder)


def _why_embedded(task: Task, source: str, error: HubUnavailable) -> str:
    """The reason of the stand-in; a SourceError where there is none or the Hub was asked for by
    name.
    """
    vain = is_permanent(error)
    if not task.stand_in:
        raise SourceError(
            say(
                "{task} can't be loaded: {error}. Try again where the Hub is reachable, or choose "
                "{mrpc}, whose embedded pairs are always here.",
                task=task.title,
                error=error,
                mrpc=MRPC.title,
            )
        ) from error
    if source == "hub":
        known = {"task": task.title, "error": error}
        raise SourceError(
            say(
                "{task} can't be loaded: {error}. Unset that variable and start again, or choose "
                "the embedded pairs.",
                **known,
            )
            if vain
            else say(
                "{task} can't be loaded: {error}. Try again later, or choose the embedded pairs.",
                **known,
            )
        ) from error
    known = {"task": task.title, "error": error, "variable": task.variable}
    if not task.variable:
        return (
            say(
                "stand in for {task}, because {error}. Unset that variable and start again",
                **known,
            )
            if vain
            else say("stand in for {task}, because {error}. Try again in a minute", **known)
        )
    if vain:
        return say(
            "stand in for {task}, because {error}. Set {variable} to a folder with its files, or "
            "unset that variable and start again",
            **known,
        )
    return say(
        "stand in for {task}, because {error}. Set {variable} to a folder with its files, or try "
        "again in a minute",
        **known,
    )


def _embedded_folder(task: Task) -> Path | None:
    """The folder of embedded pairs that have the task's kind of labels; None for no such."""
    return task.stand_in or (EMBEDDED_PAIRS if task.labels == MRPC.labels else None)


def app_pairs(place: str, task: Task) -> Path:
    """The folder of the app's own pairs that a place of APP_PLACES is for a task."""
    return SHORTCUT_PAIRS if place == "shortcut" else _embedded_folder(task) or EMBEDDED_PAIRS


def columns_of(folder: Path) -> list[str]:
    """The columns of the app's own pairs in a folder."""
    with open(folder / "train.csv", encoding="utf-8") as file:
        return next(csv.reader(file))


def _embedded(task: Task, reason: str, stands_in: bool = True) -> Loaded:
    return _from_csv(app_pairs("embedded", task), task), _embedded_origin(task, reason, stands_in)


def _shortcut(task: Task) -> Loaded:
    name = say("shortcut pairs")
    origin = Origin(name, name, "shortcut", say("as requested"))
    return _from_csv(SHORTCUT_PAIRS, task), origin


def _from_csv(folder: Path, task: Task) -> "DatasetDict":
    """The app's own pairs with the columns of the task that they are read as, and no other."""
    from datasets import DatasetDict, Value, load_dataset

    files = {split: str(folder / f"{split}.csv") for split in task.splits}
    features = _features(task)
    more = [name for name in columns_of(folder) if name not in features]
    features.update({name: Value("string") for name in more})
    return DatasetDict(
        load_dataset("csv", data_files=files, features=features).remove_columns(more)
    )


def _embedded_origin(task: Task, reason: str, stands_in: bool = True) -> Origin:
    chinese = app_pairs("embedded", task) == CHINESE_PAIRS
    name = say("embedded Chinese pairs") if chinese else say("embedded pairs")
    return Origin(task.title if stands_in else name, name, "embedded", reason, stands_in)


def _own(task: Task, settings: Settings) -> Loaded:
    """A visitor's own pairs. Rows without a label have -1, which no run takes."""
    from datasets import Dataset, DatasetDict

    own = store.load(task.name, settings)
    features = _features(task)
    made = {}
    for split in task.splits:
        rows = own.splits[split]
        columns: dict[str, list] = {name: [row[name] for row in rows] for name in task.sentences}
        if task.labels:
            columns["label"] = [row["label"] for row in rows]
        columns["idx"] = [row["idx"] for row in rows]
        made[split] = Dataset.from_dict(columns, features=features)
    origin = Origin(task.title, task.title, "own", say("brought by you"))
    return DatasetDict(made), origin


def _features(task: Task) -> "Features":
    from datasets import ClassLabel, Features, Value

    labels = {"label": ClassLabel(names=list(task.labels))} if task.labels else {}
    sentences = {name: Value("string") for name in task.sentences}
    return Features({**sentences, **labels, "idx": Value("int32")})


def _from_folder(task: Task, folder: Path | None) -> Loaded:
    about = {"task": task.title, "form": task.form, "variable": task.variable}
    if folder is None:
        raise SourceError(
            say(
                "No folder is set. Set the variable {variable} to the folder with the {form} "
                "files of {task}.",
                **about,
            )
        )
    files = {
        split: sorted(str(path) for path in folder.glob(f"{split}*.{task.form}"))
        for split in task.splits
    }
    missing = [split for split in task.splits if not files[split]]
    if missing:
        raise SourceError(
            say(
                "{variable} is {folder!r}, but that folder has no {missing}*.{form}. Name the "
                "folder of {task}.",
                folder=str(folder),
                missing=missing[0],
                **about,
            )
        )
    raw_datasets = {split: _read_files(task, split, names) for split, names in files.items()}
    reason = say("read from the folder in {variable}", variable=task.variable)
    return _checked(task, raw_datasets), Origin(task.title, task.title, "folder", reason)


def _read_files(task: Task, split: str, files: list[str]) -> "Dataset":
    """One split by itself: they may have other columns, and the message should name the one that is
    wrong.
    """
    from datasets import load_dataset

    try:
        return load_dataset(task.form, data_files={split: files}, split=split)
    except Exception as error:
        if _are_empty(task.form, files):
            raise _no_rows(task, split) from None
        log.info("the files of %s", split, exc_info=error)
        raise SourceError(
            say(
                "The {split} pairs in {variable} can't be read ({kind}): a {form} file is "
                "damaged, or the files have different columns. Replace {files}.",
                split=split,
                variable=task.variable,
                form=task.form,
                kind=type(error).__name__,
                files=", ".join(Path(file).name for file in files)[:120],
            )
        ) from error


def _are_empty(form: str, files: list[str]) -> bool:
    """Whether these files have no row, which load_dataset takes for an error of its own."""
    from pyarrow import ArrowException, parquet

    try:
        if form == "parquet":
            return not any(parquet.read_metadata(file).num_rows for file in files)
        return not any(Path(file).read_bytes().strip().count(b"\n") for file in files)
    except (ArrowException, OSError):
        return False


def _no_rows(task: Task, split: str) -> SourceError:
    return SourceError(
        say(
            "There are no {split} pairs: that split has no rows. Name the folder of {task}.",
            split=split,
            task=task.title,
        )
    )


def _from_hub(task: Task, settings: Settings) -> Loaded:
    from datasets import load_dataset
    from huggingface_hub import HfApi

    began = time.monotonic()
    asked, seconds = HfApi().dataset_info, settings.hub_decision_seconds
    with _unless_missing(task):
        try:
            ask_hub(settings, asked, task.repository, timeout=seconds)
        except HubUnavailable as error:
            return _from_hub_cache(task, error, settings)
    raw_datasets = finish_download(settings, began, load_dataset, task.repository, task.config)
    call = f'load_dataset("{task.repository}", "{task.config}")'
    return _checked_from_hub(task, raw_datasets, "hub", call, settings)


def _unless_missing(task: Task):
    return unless_missing(say("the Hub has no dataset {dataset}", dataset=task.repository))


def _from_hub_cache(task: Task, refused: HubUnavailable, settings: Settings) -> Loaded:
    """The task as `datasets` cached it on an earlier visit, without a word to the Hub."""
    from datasets import DownloadConfig, DownloadMode, load_dataset

    # datasets asks the Hub before it looks into its cache; only a cache that is there is worth that
    # call.
    folder = _cached_folder(task)
    if folder is None:
        raise refused
    files = {
        task.split_names.get(split, split): str(folder / _arrow(task, split))
        for split in task.splits
    }
    try:
        raw_datasets = load_dataset(
            "arrow",
            data_files=files,
            download_mode=DownloadMode.REUSE_DATASET_IF_EXISTS,
            download_config=DownloadConfig(local_files_only=True),
        )
    except Exception:
        raise refused from None
    reason = say("downloaded earlier; {refused}", refused=refused)
    return _checked_from_hub(task, raw_datasets, "hub cache", reason, settings)


def _arrow(task: Task, split: str) -> str:
    """How `datasets` names the file of a split in its cache."""
    name = task.split_names.get(split, split)
    return f"{task.repository.rpartition('/')[2]}-{name}.arrow"


def _cached_folder(task: Task) -> Path | None:
    """The task's newest whole folder in the cache of `datasets`, or None."""
    from datasets import config

    place = f"{task.repository.replace('/', '___')}/{task.config}"
    found = [
        folder
        for folder in Path(config.HF_DATASETS_CACHE).glob(f"{place}/*/*")
        if all((folder / _arrow(task, split)).is_file() for split in task.splits)
        and folder.suffix != ".incomplete"
    ]
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def _checked_from_hub(
    task: Task, raw_datasets: "DatasetDict", place: str, reason: str, settings: Settings
) -> Loaded:
    """What the Hub gave, as far as it can be used here: of a large split the first rows, and no row
    that has no sentence or no label, which nobody here could repair. The origin says so.
    """
    most, kept, said = settings.max_split_rows, {}, [reason]
    for split in task.splits:
        rows = raw_datasets.get(task.split_names.get(split, split))
        if rows is None:
            continue
        if len(rows) > most:
            about = {"split": split, "most": most, "count": len(rows)}
            said.append(say("of {split} the first {most:,} of {count:,} rows", **about))
            rows = rows.select(range(most))
        whole = _whole_rows(task, rows)
        if len(whole) < len(rows):
            said.append(
                say_plural(
                    "{count:,} row of {split} has no sentence or no label and is left out",
                    "{count:,} rows of {split} have no sentence or no label and are left out",
                    len(rows) - len(whole),
                    split=split,
                )
            )
            rows = rows.select(whole)
        kept[split] = rows
    origin = Origin(task.title, task.title, place, listed(said))
    return _checked(task, kept), origin


def _whole_rows(task: Task, rows: "Dataset") -> list[int]:
    """The numbers of the rows that have each sentence and a label; all where a column is missing,
    which is an error of its own.
    """
    if any(column not in rows.column_names for column in task.columns.values()):
        return list(range(len(rows)))
    # [:] reads a column at once; row by row 10,000 take two seconds
    columns = [rows[task.columns[name]][:] for name in (*task.sentences, "label")]
    return [
        number
        for number, (*sentences, label) in enumerate(zip(*columns, strict=True))
        if label not in (None, NO_LABEL)
        and all(sentence is not None and str(sentence).strip() for sentence in sentences)
    ]


def _checked(task: Task, raw_datasets: "dict[str, Dataset]") -> "DatasetDict":
    """{split: Dataset} -> DatasetDict with the columns and types of this app, each row looked at.

    Raises SourceError that names the split, the row and the remedy for what no model could learn
    from or be measured by.
    """
    from datasets import DatasetDict

    missing = [split for split in task.splits if split not in raw_datasets]
    if missing:
        raise SourceError(
            say(
                "The data has no split {split}. It must have {splits}.",
                split=missing[0],
                splits=", ".join(task.splits),
            )
        )
    return DatasetDict(
        {split: _checked_split(task, split, raw_datasets[split]) for split in task.splits}
    )


def _checked_split(task: Task, split: str, rows: "Dataset") -> "Dataset":
    lacking = [column for column in task.columns.values() if column not in rows.column_names]
    if lacking:
        raise SourceError(
            say(
                "The {split} pairs have the columns {columns}, but not {missing}. They must have "
                "{expected}. Name the folder of {task}.",
                split=split,
                columns=", ".join(rows.column_names)[:120],
                missing=lacking[0],
                expected=", ".join(task.columns.values()),
                task=task.title,
            )
        )
    if not len(rows):
        raise _no_rows(task, split)
    for column in (task.columns[name] for name in task.sentences):
        for row, sentence in enumerate(rows[column][:]):
            if not isinstance(sentence, str) or not sentence.strip():
                raise SourceError(
                    say(
                        "Row {row} of the {split} pairs has {value} as {column}, which should be "
                        "a sentence. Write one there, or remove the row.",
                        row=row,
                        split=split,
                        value=_value(sentence),
                        column=column,
                    )
                )
    labels = _labels(task, split, rows)
    features = _features(task)
    if rows.features == features:
        return rows
    kept = {column: rows[own][:] for column, own in task.columns.items()}
    numbered = {"idx": list(range(len(rows))), **kept, "label": labels}
    return _converted(split, {column: numbered[column] for column in features}, features)


def _labels(task: Task, split: str, rows: "Dataset") -> list[int]:
    """The labels of a split as numbers of the task's labels: numbers and truth values that are
    exactly those, or classes of those names.
    """
    column = task.columns["label"]
    names = getattr(rows.features[column], "names", None)
    order = None
    if names and sorted(names) == sorted(task.labels):
        order = [task.labels.index(name) for name in names]
    numbers = range(len(task.labels))
    labels = []
    for row, label in enumerate(rows[column][:]):
        if isinstance(label, str) or label is None or label not in numbers:
            raise SourceError(
                say(
                    "Row {row} of the {split} pairs has {value} as label, which should be "
                    "{labels}. Correct it, or remove the row.",
                    row=row,
                    split=split,
                    value=_value(label),
                    labels=either(f"{number} ({task.labels[number]})" for number in numbers),
                )
            )
        labels.append(order[int(label)] if order else int(label))
    return labels


def listed(reasons: Iterable[str]) -> str:
    """Reasons one after the other, each in its reader's language.

    >>> listed(["one", "two", "three"])
    'one; two; three'
    """
    first, *others = reasons
    for other in others:
        first = say("{first}; {other}", first=first, other=other)
    return first


def either(names: Iterable[str]) -> str:
    """Names of which one is meant.

    >>> either(["0", "1", "2"])
    '0, 1 or 2'
    """
    *others, last = names
    return say("{others} or {last}", others=", ".join(others), last=last) if others else last


def _value(value):
    return say("nothing") if value is None else shown(value)


def _converted(split, columns, features):
    from datasets import Dataset

    try:
        return Dataset.from_dict(columns, features=features)
    except Exception as error:
        log.info("the columns of %s", split, exc_info=error)
        raise SourceError(
            say(
                "The column idx of the {split} pairs must hold only whole numbers. Number the "
                "rows.",
                split=split,
            )
        ) from error


# ---------------------------------------------------------------- before anything is loaded


def planned_pairs(
    source: str, settings: Settings, task: Task = MRPC
) -> tuple[dict[str, int], Origin, int]:
    """({split: rows}, Origin, bytes to download) of what load_raw_datasets is about to return;
    nothing is downloaded for it.

    The Hub is asked once, and no longer than for anything else. Raises what load_raw_datasets
    raises.
    """
    if task.is_own:
        raw_datasets, origin = load_raw_datasets(source, settings, task)
        return _rows(raw_datasets), origin, 0
    source = _source(source, task, settings)
    kept, _until = _kept.get((source, task, task.folder_in(settings)), (None, 0))
    if _is_local(source, task, settings) or (kept and not kept[1].stands_in):
        raw_datasets, origin = load_raw_datasets(source, settings, task)
        return _rows(raw_datasets), origin, 0
    if folder := _cached_folder(task):
        origin = Origin(task.title, task.title, "hub cache", say("downloaded earlier"))
        return _cached_rows(folder, task, settings), origin, 0
    try:
        with _unless_missing(task):
            size = download_size("dataset", task.repository, task.downloads, settings)
    except HubUnavailable as error:
        origin = _embedded_origin(task, _why_embedded(task, source, error))
        return _rows(load_raw_datasets("embedded", settings, task)[0]), origin, 0
    return (
        {split: min(rows, settings.max_split_rows) for split, rows in task.rows.items()},
        Origin(task.title, task.title, "hub", say("a run will download it first")),
        size,
    )


def _rows(raw_datasets):
    return {split: len(rows) for split, rows in raw_datasets.items()}


def _cached_rows(folder, task, settings):
    from datasets import DatasetInfo

    splits = DatasetInfo.from_directory(str(folder)).splits
    counts = {
        split: splits[task.split_names.get(split, split)].num_examples for split in task.splits
    }
    return {split: min(count, settings.max_split_rows) for split, count in counts.items()}


# ---------------------------------------------------------------- rows for a visitor


def rows_at(dataset: "Dataset", numbers: Iterable[int]) -> list[dict[str, Any]]:
    """The rows with these numbers, in the order asked for: [{"row": 3, "sentence1": …}, …]."""
    for number in numbers:
        if not 0 <= number < len(dataset):
            raise InputError(
                say(
                    "There is no row {number}: this split has rows 0 to {count}.",
                    number=number,
                    count=len(dataset) - 1,
                )
            )
    return [{"row": number, **dataset[number]} for number in numbers]


def parse_rows(text: object, settings: Settings) -> list[int]:
    """Row numbers as people write them.

    >>> parse_rows("0-3, 7", Settings())
    [0, 1, 2, 3, 7]
    """
    numbers: list[int] = []
    for part in str(text).replace("，", ",").split(","):
        first, _, last = part.strip().partition("-")
        if (
            not (first.strip().isdecimal() and (not last or last.strip().isdecimal()))
            or len(part) > 30
        ):
            raise InputError(
                say(
                    "{part!r} is not a row number. Write rows like 0-7 or 3, 5, 12.",
                    part=part.strip()[:60],
                )
            )
        low, high = int(first), int(last or first)
        if high < low:
            raise InputError(
                say(
                    "{part!r} runs backwards. Write {high}-{low}.",
                    part=part.strip(),
                    high=high,
                    low=low,
                )
            )
        if high - low >= settings.max_rows or len(numbers) + high - low + 1 > settings.max_rows:
            raise InputError(
                say(
                    "{text!r} selects more than {max_rows} rows. Choose fewer.",
                    text=str(text)[:60],
                    max_rows=settings.max_rows,
                )
            )
        numbers += range(low, high + 1)
    return numbers


def search_rows(dataset: "Dataset", words: str, most: int) -> list[int]:
    """Numbers of the first `most` rows with all of `words` in either sentence, case ignored."""
    wanted = words.casefold().split()
    found = []
    columns = [dataset[name] for name in SENTENCES if name in dataset.column_names]
    for number, sentences in enumerate(zip(*columns, strict=True)):
        text = " ".join(sentences).casefold()
        if all(word in text for word in wanted):
            found.append(number)
            if len(found) == most:
                break
    return found


def random_rows(dataset: Sized, count: int, seed: int | None = None) -> list[int]:
    """`count` different row numbers, sorted; the same for the same seed."""
    import random

    return sorted(random.Random(seed).sample(range(len(dataset)), min(count, len(dataset))))
