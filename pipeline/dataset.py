"""load_raw_datasets() -> DatasetDict of sentence pairs: MRPC, or the embedded pairs.

MRPC (Microsoft Research Paraphrase Corpus, non-commercial research licence of Microsoft Research)
is never
shipped: it comes from the Hub, or from a folder of parquet files named by the environment variable
MRPC_DIR.

    >>> raw_datasets, origin = load_raw_datasets("embedded")
    >>> {split: len(rows) for split, rows in raw_datasets.items()}
    {'train': 640, 'validation': 160, 'test': 160}
"""

import logging
import threading
import time
from pathlib import Path

from languages import say
from pipeline.errors import HubUnavailable, InputError, SourceError, shown
from pipeline.hub.availability import (
    ask_hub,
    finish_download,
    unless_missing,
    waiting_is_vain,
    weighed,
)
from pipeline.hub.sources import Origin
from pipeline.settings import LABELS, MRPC, Settings

log = logging.getLogger(__name__)
EMBEDDED_PAIRS = Path(__file__).parent / "embedded" / "pairs"
# The project's first pairs, which give their label away: the lesson "Look for the shortcut"
SHORTCUT_PAIRS = EMBEDDED_PAIRS.with_name("shortcut")
# Which folder of the app's own a place is (see Origin)
PAIRS_FOLDERS = {"embedded": EMBEDDED_PAIRS.name, "shortcut": SHORTCUT_PAIRS.name}
SOURCES = ("auto", "hub", "folder", "embedded", "shortcut")
SPLITS = ("train", "validation", "test")
COLUMNS = ("sentence1", "sentence2", "label", "idx")
# MRPC before it is here: how many pairs each split has, and what load_dataset downloads of its
# repository
ROWS = {"train": 3668, "validation": 408, "test": 1725}
FILES = ("README.md", "mrpc/*")

_kept, _again = {}, set()
_lock = threading.Lock()


def load_raw_datasets(source="auto", settings=None):
    """(DatasetDict, Origin). `auto`: the folder in MRPC_DIR, else the Hub, else the embedded pairs.

    Columns: sentence1, sentence2 (str), label (ClassLabel not_equivalent, equivalent), idx (int32).
    Raises SourceError for a source that was asked for by name and can't be had.
    """
    settings = settings or Settings()
    key = (_source(source, settings), settings.mrpc_folder)
    with _lock:
        if key not in _kept:
            _keep(key, settings)
        loaded, until = _kept[key]
    if until < time.monotonic():
        _load_again(key, settings)
    return loaded


def _source(asked, settings):
    """What `auto` means here; InputError for what is no source."""
    source = settings.data if asked == "auto" else asked
    if source not in SOURCES:
        raise InputError(
            say(
                "{source!r} is not a source of pairs. Choose one of {sources}.",
                source=str(source)[:60],
                sources=", ".join(SOURCES),
            )
        )
    return source


def _keep(key, settings):
    """Load, and keep; a stand-in only for a while: the Hub may be back."""
    loaded = _load(key[0], settings)
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
        if key in _again:
            return
        _again.add(key)
    threading.Thread(target=load, daemon=True, name="pairs-again").start()


def _load(source, settings):
    if source == "embedded":
        return _embedded(say("it was asked for"), stands_in=False)
    if source == "shortcut":
        return _shortcut()
    if _is_local(source, settings):
        return _from_folder(settings.mrpc_folder)
    try:
        return _from_hub(settings)
    except HubUnavailable as error:
        return _embedded(_why_embedded(source, error))


def _is_local(source, settings):
    return source in ("embedded", "folder", "shortcut") or (
        source == "auto" and settings.mrpc_folder is not None
    )


def _why_embedded(source, error):
    """The reason of the stand-in; a SourceError where the Hub was asked for by name."""
    vain = waiting_is_vain(error)
    if source == "hub" and vain:
        raise SourceError(
            say(
                "MRPC can't be loaded: {error}. Unset that variable and start again, or choose "
                "the embedded "
                "pairs.",
                error=error,
            )
        ) from error
    if source == "hub":
        raise SourceError(
            say(
                "MRPC can't be loaded: {error}. Try again later, or choose the embedded pairs.",
                error=error,
            )
        ) from error
    if vain:
        return say(
            "stand in for MRPC, because {error}. Set MRPC_DIR to a folder of it, or unset that "
            "variable and start again",
            error=error,
        )
    return say(
        "stand in for MRPC, because {error}. Set MRPC_DIR to a folder of it, or try again in a "
        "minute",
        error=error,
    )


def _embedded(reason, stands_in=True):
    from datasets import Value

    features = _features()
    features["kind"] = Value("string")
    raw_datasets = _from_csv(EMBEDDED_PAIRS, features)
    # MRPC's columns and no other: what stands in for it looks like it
    return raw_datasets.remove_columns("kind"), _embedded_origin(reason, stands_in)


def _shortcut():
    name = say("shortcut pairs")
    origin = Origin(name, name, "shortcut", say("it was asked for"))
    return _from_csv(SHORTCUT_PAIRS, _features()), origin


def _from_csv(folder, features):
    from datasets import DatasetDict, load_dataset

    files = {split: str(folder / f"{split}.csv") for split in SPLITS}
    return DatasetDict(load_dataset("csv", data_files=files, features=features))


def _embedded_origin(reason, stands_in=True):
    return Origin(
        "MRPC" if stands_in else say("embedded pairs"),
        say("embedded pairs"),
        "embedded",
        reason,
        stands_in,
    )


def _features():
    from datasets import ClassLabel, Features, Value

    return Features(
        {
            "sentence1": Value("string"),
            "sentence2": Value("string"),
            "label": ClassLabel(names=list(LABELS)),
            "idx": Value("int32"),
        }
    )


def _from_folder(folder):
    if folder is None:
        raise SourceError(
            say(
                "No folder is set: put the path of MRPC's parquet files into the variable MRPC_DIR."
            )
        )
    files = {
        split: sorted(str(path) for path in folder.glob(f"{split}*.parquet")) for split in SPLITS
    }
    missing = [split for split in SPLITS if not files[split]]
    if missing:
        raise SourceError(
            say(
                "MRPC_DIR is {folder!r}, but no {missing}*.parquet is there. Name MRPC's folder.",
                folder=str(folder),
                missing=missing[0],
            )
        )
    raw_datasets = {split: _read_parquet(split, names) for split, names in files.items()}
    return _checked(raw_datasets), Origin(
        "MRPC", "MRPC", "folder", say("read from the folder in MRPC_DIR")
    )


def _read_parquet(split, files):
    """One split by itself: they may have other columns, and the message should name the one that is
    wrong.
    """
    from datasets import load_dataset

    try:
        return load_dataset("parquet", data_files={split: files}, split=split)
    except Exception as error:
        if _are_empty(files):
            raise _no_rows(split) from None
        log.info("the parquet files of %s", split, exc_info=error)
        raise SourceError(
            say(
                "The {split} pairs in MRPC_DIR can't be read ({kind}): a parquet file is damaged, "
                "or its "
                "columns differ from the next one's. Replace {files}.",
                split=split,
                kind=type(error).__name__,
                files=", ".join(Path(file).name for file in files)[:120],
            )
        ) from error


def _are_empty(files):
    """Whether these parquet files have no row, which load_dataset takes for an error of its own."""
    from pyarrow import ArrowException, parquet

    try:
        return not any(parquet.read_metadata(file).num_rows for file in files)
    except (ArrowException, OSError):
        return False


def _no_rows(split):
    return SourceError(
        say("There are no {split} pairs: that split has no rows. Name MRPC's folder.", split=split)
    )


def _from_hub(settings):
    from huggingface_hub import HfApi

    began = time.monotonic()
    with _unless_missing():
        try:
            ask_hub(settings, HfApi().dataset_info, MRPC, timeout=settings.hub_decision_seconds)
        except HubUnavailable as error:
            return _from_hub_cache(error)
    raw_datasets = finish_download(settings, began, _load_from_hub)
    return _checked(raw_datasets), Origin("MRPC", "MRPC", "hub", f'load_dataset("{MRPC}", "mrpc")')


def _unless_missing():
    return unless_missing(say("the Hub has no dataset {dataset}", dataset=MRPC))


def _load_from_hub():
    from datasets import load_dataset

    return load_dataset(MRPC, "mrpc")


def _from_hub_cache(refused):
    """MRPC as `datasets` cached it on an earlier visit, without a word to the Hub."""
    from datasets import DownloadConfig, DownloadMode, load_dataset

    # datasets asks the Hub before it looks into its cache; only a cache that is there is worth that
    # call.
    folder = _cached_folder()
    if folder is None:
        raise refused
    files = {split: str(folder / f"glue-{split}.arrow") for split in SPLITS}
    try:
        raw_datasets = load_dataset(
            "arrow",
            data_files=files,
            download_mode=DownloadMode.REUSE_DATASET_IF_EXISTS,
            download_config=DownloadConfig(local_files_only=True),
        )
    except Exception:
        raise refused from None
    return _checked(raw_datasets), Origin(
        "MRPC", "MRPC", "hub cache", say("downloaded earlier; {refused}", refused=refused)
    )


def _cached_folder():
    """The newest whole MRPC in the cache of `datasets`, or None."""
    from datasets import config

    found = [
        folder
        for folder in Path(config.HF_DATASETS_CACHE).glob("nyu-mll___glue/mrpc/*/*")
        if all((folder / f"glue-{split}.arrow").is_file() for split in SPLITS)
        and folder.suffix != ".incomplete"
    ]
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def _checked(raw_datasets):
    """{split: Dataset} -> DatasetDict with MRPC's columns and types, each row looked at.

    Raises SourceError that names the split, the row and the remedy for what no model could learn
    from or be measured by.
    """
    from datasets import DatasetDict

    missing = [split for split in SPLITS if split not in raw_datasets]
    if missing:
        raise SourceError(
            say(
                "The data has no split {split}. MRPC has train, validation and test.",
                split=missing[0],
            )
        )
    return DatasetDict({split: _checked_split(split, raw_datasets[split]) for split in SPLITS})


def _checked_split(split, rows):
    lacking = [column for column in COLUMNS if column not in rows.column_names]
    if lacking:
        raise SourceError(
            say(
                "The {split} pairs have the columns {columns} and no {missing}; MRPC has "
                "{expected}. Name MRPC's folder.",
                split=split,
                columns=", ".join(rows.column_names)[:120],
                missing=lacking[0],
                expected=", ".join(COLUMNS),
            )
        )
    if not len(rows):
        raise _no_rows(split)
    for column in ("sentence1", "sentence2"):
        for row, sentence in enumerate(rows[column]):
            if not isinstance(sentence, str) or not sentence.strip():
                raise SourceError(
                    say(
                        "Row {row} of the {split} pairs has {value} as {column}, where a sentence "
                        "belongs. Write "
                        "one there, or take the row out.",
                        row=row,
                        split=split,
                        value=_value(sentence),
                        column=column,
                    )
                )
    labels = _labels(split, rows)
    features = _features()
    if rows.features == features:
        return rows
    kept = {column: list(rows[column]) for column in ("sentence1", "sentence2")} | {
        "label": labels,
        "idx": list(rows["idx"]),
    }
    return _converted(split, kept, features)


def _labels(split, rows):
    """The labels of a split as 0 and 1: numbers and truth values that are exactly those, or the two
    names.
    """
    names = getattr(rows.features["label"], "names", None)
    order = (
        [LABELS.index(name) for name in names]
        if names and sorted(names) == sorted(LABELS)
        else None
    )
    labels = []
    for row, label in enumerate(rows["label"]):
        if isinstance(label, str) or label is None or label not in (0, 1):
            raise SourceError(
                say(
                    "Row {row} of the {split} pairs has {value} as label, where 0 ({first}) or 1 "
                    "({second}) "
                    "belongs. Correct it, or take the row out.",
                    row=row,
                    split=split,
                    value=_value(label),
                    first=LABELS[0],
                    second=LABELS[1],
                )
            )
        labels.append(order[int(label)] if order else int(label))
    return labels


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
                "The column idx of the {split} pairs holds something else than whole numbers. "
                "Number the rows.",
                split=split,
            )
        ) from error


# ---------------------------------------------------------------- before anything is loaded


def pairs_ahead(source="auto", settings=None):
    """({split: rows}, Origin, bytes to download) of what load_raw_datasets is about to return;
    nothing is downloaded for it.

    The Hub is asked once, and no longer than for anything else. Raises what load_raw_datasets
    raises.
    """
    settings = settings or Settings()
    source = _source(source, settings)
    kept, _until = _kept.get((source, settings.mrpc_folder), (None, 0))
    if _is_local(source, settings) or (kept and not kept[1].stands_in):
        raw_datasets, origin = load_raw_datasets(source, settings)
        return _rows(raw_datasets), origin, 0
    if folder := _cached_folder():
        return (
            _cached_rows(folder),
            Origin("MRPC", "MRPC", "hub cache", say("downloaded earlier")),
            0,
        )
    try:
        with _unless_missing():
            size = weighed("dataset", MRPC, FILES, settings)
    except HubUnavailable as error:
        origin = _embedded_origin(_why_embedded(source, error))
        return _rows(load_raw_datasets("embedded", settings)[0]), origin, 0
    return ROWS, Origin("MRPC", "MRPC", "hub", say("a run downloads it first")), size


def _rows(raw_datasets):
    return {split: len(rows) for split, rows in raw_datasets.items()}


def _cached_rows(folder):
    from datasets import DatasetInfo

    splits = DatasetInfo.from_directory(str(folder)).splits
    return {split: splits[split].num_examples for split in SPLITS}


# ---------------------------------------------------------------- rows for a visitor


def rows_at(dataset, numbers):
    """The rows with these numbers, in the order asked for: [{"row": 3, "sentence1": …}, …]."""
    for number in numbers:
        if not 0 <= number < len(dataset):
            raise InputError(
                say(
                    "Row {number} is not there: this split has rows 0 to {count}.",
                    number=number,
                    count=len(dataset) - 1,
                )
            )
    return [{"row": number, **dataset[number]} for number in numbers]


def parse_rows(text, settings=None):
    """Row numbers as people write them.

    >>> parse_rows("0-3, 7")
    [0, 1, 2, 3, 7]
    """
    settings = settings or Settings()
    numbers = []
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
                    "{text!r} is more than {max_rows} rows. Ask for fewer.",
                    text=str(text)[:60],
                    max_rows=settings.max_rows,
                )
            )
        numbers += range(low, high + 1)
    return numbers


def search_rows(dataset, words, most):
    """Numbers of the first `most` rows with every one of `words` in either sentence, case ignored."""
    wanted = words.casefold().split()
    found = []
    for number, (first, second) in enumerate(
        zip(dataset["sentence1"], dataset["sentence2"], strict=True)
    ):
        text = f"{first} {second}".casefold()
        if all(word in text for word in wanted):
            found.append(number)
            if len(found) == most:
                break
    return found


def random_rows(dataset, count, seed=None):
    """`count` different row numbers, sorted; the same for the same seed."""
    import random

    return sorted(random.Random(seed).sample(range(len(dataset)), min(count, len(dataset))))


def majority(labels):
    """Accuracy and F1 of always answering the commoner label: what any model must beat.

    F1 counts label 1 as positive, as GLUE does: on MRPC validation 0.684 and 0.812.

    >>> majority([1, 1, 0])
    {'label': 1, 'accuracy': 0.6666666666666666, 'f1': 0.8}
    """
    ones = sum(1 for label in labels if label == 1)
    share = ones / len(labels)
    if share < 0.5:
        return {"label": 0, "accuracy": 1 - share, "f1": 0.0}
    return {"label": 1, "accuracy": share, "f1": 2 * share / (1 + share)}
