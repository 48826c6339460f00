"""python -m benchmarks.quality [MODEL ...]: how good a model is, and where it fails. With --edits:
200 edits to be read. With --record MODEL: its record.json.

Accuracy / F1 on MRPC's validation and test splits and on the embedded pairs. What serving it
quickly costs: the served model's accuracy beside that of transformers' own in float32. Then what it
does with changed sentences, on validation and on test: of the equivalent pairs that it recognises,
how many does it no longer call equivalent when one sentence is changed so that it says something
else, does it answer the same with the sentences swapped, and is a sentence equivalent to itself?
MRPC has few pairs of which two names can change places: the embedded pairs are told by kind, too.
"""

import csv
import json
import random
import sys
from collections import Counter

from pipeline.dataset import load_raw_datasets
from pipeline.edits.editor import KINDS, changed_pair
from pipeline.model import load_model
from pipeline.prediction import predict
from pipeline.settings import LABELS, READY, Settings
from pipeline.task import EMBEDDED_PAIRS
from pipeline.tokenization import load_tokenizer, tokenize_function
from pipeline.training import evaluate_checkpoint

SPLITS = (
    ("auto", "validation"),
    ("auto", "test"),
    ("embedded", "train"),
    ("embedded", "validation"),
    ("embedded", "test"),
)


def main(models):
    for model in models:
        print(model)
        for source, split in SPLITS:
            result = evaluate_checkpoint(model, source, split, settings=Settings())
            print(
                f"  {result['origins'][0].loaded[:32]:34}{split:12}{100 * result['accuracy']:5.1f} "
                f"/ {100 * result['f1']:.1f}   majority {100 * result['majority']['accuracy']:.1f} "
                f"/ {100 * result['majority']['f1']:.1f}"
            )
        for split in ("validation", "test"):
            served, whole = accuracy(model, split), accuracy_in_float32(model, split)
            print(f"  {split}: accuracy served {100 * served:.1f}, in float32 {100 * whole:.1f}")
        for split in ("validation", "test"):
            for what, measured in stress(model, split):
                print(f"  {split}: {what:34}{measured}")
        for what, measured in right_by_kind(model, "test"):
            print(f"  embedded test: {what:34}{measured}")


def pairs_of(split, source="auto", most=None):
    """([(sentence1, sentence2), …], their gold labels) of a split."""
    rows = load_raw_datasets(source, Settings())[0][split][:most]
    return list(zip(rows["sentence1"], rows["sentence2"], strict=True)), rows["label"]


def accuracy(model, split, source="auto", most=None):
    """Share of right answers, as the page and the command line give them."""
    pairs, gold = pairs_of(split, source, most)
    return sum(
        LABELS[one] == label for one, label in zip(gold, labels(model, pairs), strict=True)
    ) / len(gold)


def accuracy_in_float32(model, split, source="auto", most=None):
    """The same of the model as transformers runs it, 32 pairs at a time."""
    import torch

    pairs, gold = pairs_of(split, source, most)
    tokenizer, whole, right = (
        load_tokenizer(model, settings=Settings())[0],
        load_model(model, settings=Settings())[0].float(),
        0,
    )
    for start in range(0, len(pairs), 32):
        first, second = zip(*pairs[start : start + 32], strict=True)
        encodings = tokenize_function(tokenizer, {"sentence1": first, "sentence2": second})
        batch = tokenizer.pad(encodings, return_tensors="pt")
        with torch.inference_mode():
            answers = whole(**batch).logits.argmax(-1).tolist()
        right += sum(
            one == other for one, other in zip(answers, gold[start : start + 32], strict=True)
        )
    return right / len(gold)


def stress(model, split="test"):
    """(what, figure) on a split of MRPC."""
    pairs, gold = pairs_of(split)
    called = labels(model, pairs)
    turned = labels(model, [pair[::-1] for pair in pairs])
    same = sum(one == other for one, other in zip(called, turned, strict=True))
    yield "sentences swapped, same answer", part_of(same, len(pairs))
    answered = zip(pairs, gold, called, strict=True)
    known = [pair for pair, truth, label in answered if truth == 1 and label == "equivalent"]
    every = sorted({sentence for pair in pairs for sentence in pair})
    itself = labels(model, [(sentence, sentence) for sentence in every]).count("equivalent")
    yield "a sentence and itself, equivalent", part_of(itself, len(every))
    for kind, counts in noticed_changes(model, known).items():
        yield f"{kind} noticed", part_of(*counts)


def noticed_changes(model, known):
    """{kind: [noticed, changed]} of the equivalent pairs that a model recognises, `known`."""
    found = {}
    for kind in KINDS:
        changed = [pair for asked in known if (pair := changed_pair(kind, asked))]
        found[kind] = [labels(model, changed).count("not_equivalent"), len(changed)]
    return found


def record(model):
    """What record.json beside an adapter's card says: its figures on MRPC's test split."""
    result = evaluate_checkpoint(model, "auto", "test", settings=Settings())
    pairs, gold = pairs_of("test")
    answered = zip(pairs, gold, labels(model, pairs), strict=True)
    known = [pair for pair, truth, label in answered if truth == 1 and label == "equivalent"]
    figures = {"majority": result["majority"], "adapter": result}
    return {
        "test": {
            who: {name: round(one[name], 3) for name in ("accuracy", "f1")}
            for who, one in figures.items()
        },
        "noticed": noticed_changes(model, known),
    }


def right_by_kind(model, split):
    """(what, figure) on a split of the embedded pairs: how many of each change, and of all those
    that say the same, are called right.
    """
    right, asked = Counter(), Counter()
    with open(EMBEDDED_PAIRS / f"{split}.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    called = labels(model, [(row["sentence1"], row["sentence2"]) for row in rows])
    for row, label in zip(rows, called, strict=True):
        is_same = row["label"] == "1"
        # "number, reworded" is a changed number beside a reworded sentence
        kind = "the same" if is_same else row["kind"].partition(",")[0]
        asked[kind] += 1
        right[kind] += (label == "equivalent") == is_same
    return [(f"{kind}, right", part_of(right[kind], asked[kind])) for kind in sorted(asked)]


def part_of(part, whole):
    """
    >>> part_of(1, 8)
    '1 of 8 (12.5%)'
    """
    return f"{part} of {whole} ({part / max(whole, 1):.1%})"


def drawn_edits(count=200, seed=0):
    """[(kind, sentence, changed sentence, the other sentence of its pair), …], to be read by a
    person.

    Drawn at random from MRPC's equivalent pairs of all three splits, from each kind but `shuffle`
    as many as there are, up to an equal share.
    """
    rng = random.Random(seed)
    found = {kind: [] for kind in KINDS if kind != "shuffle"}
    for split in ("train", "validation", "test"):
        for pair, label in zip(*pairs_of(split), strict=True):
            for kind, edits in found.items():
                if label == 1 and (changed := changed_pair(kind, pair)):
                    at = 0 if changed[0] != pair[0] else 1
                    edits.append((kind, pair[at], changed[at], pair[1 - at]))
    drawn = []
    for left, kind in zip(
        range(len(found), 0, -1), sorted(found, key=lambda kind: len(found[kind])), strict=True
    ):
        drawn += rng.sample(found[kind], min(len(found[kind]), (count - len(drawn)) // left))
    return drawn


def labels(model, pairs):
    most = Settings().max_batch_pairs
    return [
        prediction.label
        for start in range(0, len(pairs), most)
        for prediction in predict(model, pairs[start : start + most], settings=Settings())[0]
    ]


if __name__ == "__main__":
    if "--edits" in sys.argv:
        for number, edited in enumerate(drawn_edits(), 1):
            print(number, *edited, sep="\n  ")
    elif "--record" in sys.argv:
        print(json.dumps(record(sys.argv[-1])))
    else:
        main(sys.argv[1:] or [READY])
