"""python -m benchmarks.quality [MODEL ...]: how good a model is, and where it fails.

Accuracy / F1 on MRPC's validation and test splits and on the embedded pairs. What serving it quickly costs: the served
model's accuracy beside that of transformers' own in float32. Then what it does with changed sentences: of the equivalent
test pairs that it recognises, how many does it still call equivalent when the second sentence is changed so that it says
something else, and does it answer the same with the sentences swapped?
"""

import sys

from pipeline.corruption import Corruption
from pipeline.dataset import load_raw_datasets
from pipeline.prediction import predict
from pipeline.settings import LABELS, READY, Settings
from pipeline.sources import load_model, load_tokenizer
from pipeline.tokenization import tokenize_function
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
        for split in ("validation", "test"):
            served, whole = accuracy(model, split), accuracy_in_float32(model, split)
            print(f"  {split}: accuracy served {100 * served:.1f}, in float32 {100 * whole:.1f}")
        for what, measured in stress(model):
            print(f"  {what:34}{measured}")


def pairs_of(split, source="auto", most=None):
    """([(sentence1, sentence2), …], their gold labels) of a split."""
    rows = load_raw_datasets(source)[0][split][:most]
    return list(zip(rows["sentence1"], rows["sentence2"], strict=True)), rows["label"]


def accuracy(model, split, source="auto", most=None):
    """Share of right answers, as the page and the command line give them."""
    pairs, gold = pairs_of(split, source, most)
    return sum(LABELS[one] == label for one, label in zip(gold, labels(model, pairs), strict=True)) / len(gold)


def accuracy_in_float32(model, split, source="auto", most=None):
    """The same of the model as transformers runs it, 32 pairs at a time."""
    import torch

    pairs, gold = pairs_of(split, source, most)
    tokenizer, whole, right = load_tokenizer(model)[0], load_model(model)[0].float(), 0
    for start in range(0, len(pairs), 32):
        first, second = zip(*pairs[start : start + 32], strict=True)
        encodings = tokenize_function(tokenizer, {"sentence1": first, "sentence2": second})
        batch = tokenizer.pad(encodings, return_tensors="pt")
        with torch.inference_mode():
            answers = whole(**batch).logits.argmax(-1).tolist()
        right += sum(one == other for one, other in zip(answers, gold[start : start + 32], strict=True))
    return right / len(gold)


def stress(model):
    """(what, figure) on MRPC's test split."""
    pairs, gold = pairs_of("test")
    called = labels(model, pairs)
    turned = labels(model, [pair[::-1] for pair in pairs])
    same = sum(one == other for one, other in zip(called, turned, strict=True))
    yield "sentences swapped, same answer", f"{same} of {len(pairs)} ({same / len(pairs):.1%})"
    answered = zip(pairs, gold, called, strict=True)
    known = [pair for pair, truth, label in answered if truth == 1 and label == "equivalent"]
    corrupt = Corruption([first for first, _ in pairs], seed=0)
    for change in CHANGES:
        changed = [(first, getattr(corrupt, change)(second)) for first, second in known]
        changed = [pair for pair in changed if pair[1]]
        noticed = labels(model, changed).count("not_equivalent")
        yield f"{change} noticed", f"{noticed} of {len(changed)} ({noticed / max(len(changed), 1):.1%})"


def labels(model, pairs):
    most = Settings().max_batch_pairs
    return [prediction.label for start in range(0, len(pairs), most)
            for prediction in predict(model, pairs[start : start + most])[0]]  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:] or [READY])
