"""python -m benchmarks.quality [MODEL ...]: how good a model is, and where it fails.

Accuracy / F1 on MRPC's validation and test splits and on the embedded pairs. Then what it does with changed
sentences: of the equivalent test pairs that it recognises, how many does it still call equivalent when the second
sentence is changed so that it says something else, and does it answer the same with the sentences swapped?
"""

import sys

from pipeline.dataset import load_raw_datasets
from pipeline.prediction import predict
from pipeline.settings import READY, Settings
from pipeline.stress import Corruption
from pipeline.training import evaluate_checkpoint

SPLITS = (("auto", "validation"), ("auto", "test"), ("embedded", "train"), ("embedded", "validation"), ("embedded", "test"))
CHANGES = ("negate", "number", "swap_names", "name", "shuffle")  # after each, the pair says two different things


def main(models):
    for model in models:
        print(model)
        for source, split in SPLITS:
            result = evaluate_checkpoint(model, source, split)
            print(f"  {result['origins'][0].loaded[:32]:34}{split:12}{100 * result['accuracy']:5.1f} / {100 * result['f1']:.1f}"
                  f"   majority {100 * result['majority']['accuracy']:.1f} / {100 * result['majority']['f1']:.1f}")  # fmt: skip
        for line in stress(model):
            print(f"  {line}")


def stress(model):
    """Lines of figures on MRPC's test split."""
    rows = load_raw_datasets()[0]["test"][:]
    pairs = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    called = labels(model, pairs)
    turned = labels(model, [pair[::-1] for pair in pairs])
    same = sum(one == other for one, other in zip(called, turned, strict=True))
    yield f"sentences swapped: the same answer for {same} of {len(pairs)} pairs ({same / len(pairs):.1%})"
    answered = zip(pairs, rows["label"], called, strict=True)
    known = [pair for pair, gold, label in answered if gold == 1 and label == "equivalent"]
    corrupt = Corruption(rows["sentence1"], seed=0)
    for change in CHANGES:
        changed = [(first, getattr(corrupt, change)(second)) for first, second in known]
        changed = [pair for pair in changed if pair[1]]
        noticed = labels(model, changed).count("not_equivalent")
        yield f"{change:12} noticed in {noticed} of {len(changed)} pairs ({noticed / max(len(changed), 1):.1%})"


def labels(model, pairs):
    most = Settings().max_batch_pairs
    return [prediction.label for start in range(0, len(pairs), most)
            for prediction in predict(model, pairs[start : start + most])[0]]  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:] or [READY])
