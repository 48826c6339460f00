"""python -m benchmarks.embedded_pairs [SOURCE] [FOLDER]: does a cheap rule solve the embedded
pairs?

Prints, for each split of `embedded` (or of SOURCE, or of the task `embedded-zh`), the accuracy
of the majority label and of

- the best threshold on each cheap feature, in each direction fitted on the split itself (an upper
  bound), and the better of both fitted on the train split;
- a logistic regression on all the features together, fitted on the train split;
- a bag of words of either sentence alone, fitted on the train split.

With the FOLDER of a model also that model's accuracy and F1.
"""

import sys

from pipeline.dataset import load_raw_datasets
from pipeline.explain.shortcut import best_rule, measured
from pipeline.metrics import majority
from pipeline.settings import Settings
from pipeline.task import EMBEDDED_ZH

SPLITS = ("train", "validation", "test")


def cosines(pairs):
    """Cosine similarity of each pair's mean-pooled sentence embeddings, a list of floats."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from pipeline.hub.sources import embedded_checkpoint

    tokenizer = AutoTokenizer.from_pretrained(embedded_checkpoint())
    model = AutoModel.from_pretrained(embedded_checkpoint()).eval()

    def embed(sentences):
        batch = tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state  # (batch, seq_len, hidden)
        mask = batch["attention_mask"][..., None]
        pooled = (hidden * mask).sum(1) / mask.sum(1)  # (batch, hidden)
        return torch.nn.functional.normalize(pooled, dim=-1)

    # Each sentence once, with others of its length: less padding
    sentences = sorted(
        {*pairs["sentence1"], *pairs["sentence2"]}, key=lambda text: (len(text), text)
    )
    embedded = {}
    for start in range(0, len(sentences), 64):
        batch = sentences[start : start + 64]
        embedded.update(zip(batch, embed(batch), strict=True))
    both = zip(pairs["sentence1"], pairs["sentence2"], strict=True)
    return [float(embedded[first] @ embedded[second]) for first, second in both]


def features(pairs):
    """{feature: values} of a split's pairs, the cosine included."""
    return {"cosine": cosines(pairs), **measured(pairs)}


def cheap_rules(splits):
    """{split: {rule: accuracy}} of everything that may not solve the pairs.

    `splits`: {"train": {"sentence1": [...], "sentence2": [...], "label": [...]}, ...}.
    """
    values = {split: features(pairs) for split, pairs in splits.items()}
    labels = {split: pairs["label"] for split, pairs in splits.items()}
    found = {split: {} for split in splits}
    for name in values["train"]:
        rule = best_rule(values["train"][name], labels["train"])
        for split in splits:
            here = values[split][name], labels[split]
            found[split][f"{name}, more is equivalent"] = best_rule(*here, directions=(1,)).accuracy
            found[split][f"{name}, less is equivalent"] = best_rule(*here, directions=(0,)).accuracy
            found[split][f"{name}, fitted on train"] = rule.accuracy_on(*here)
    together = logistic_regression(values["train"], labels["train"])
    for split in splits:
        found[split]["all features together"] = together(values[split], labels[split])
    for column in ("sentence1", "sentence2"):
        alone = bag_of_words(splits["train"][column], labels["train"])
        for split in splits:
            found[split][f"words of {column} alone"] = alone(splits[split][column], labels[split])
    return found


def logistic_regression(values, labels):
    """Fitted on these features; returns a function (values, labels) -> accuracy."""
    import numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def columns(values):
        return numpy.array(list(values.values())).T  # (pairs, features)

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(columns(values), labels)
    return lambda values, labels: model.score(columns(values), labels)


def bag_of_words(sentences, labels):
    """Fitted on these sentences' words; returns a function (sentences, labels) -> accuracy."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # The vectorizer's own pattern, but for Chinese, of which each character is a word
    words = CountVectorizer(binary=True, token_pattern=r"[一-鿿]|[^\W一-鿿]{2,}")
    model = make_pipeline(words, LogisticRegression(max_iter=1000))
    return model.fit(sentences, labels).score


def main(source="embedded", folder=None):
    """Print the table."""
    if source == EMBEDDED_ZH.name:
        raw_datasets, _ = load_raw_datasets("embedded", Settings(), EMBEDDED_ZH)
    else:
        raw_datasets, _ = load_raw_datasets(source, Settings())
    splits = {split: raw_datasets[split][:] for split in SPLITS}
    found = cheap_rules(splits)
    print(f"{'':42}" + "".join(f"{split:>12}" for split in SPLITS))
    always = [majority(splits[split]["label"])["accuracy"] for split in SPLITS]
    rows = {"majority": always}
    rows |= {rule: [found[split][rule] for split in SPLITS] for rule in found["train"]}
    for rule, accuracies in rows.items():
        print(f"{rule:42}" + "".join(f"{accuracy:12.1%}" for accuracy in accuracies))
    if folder:
        for split in SPLITS:
            accuracy, f1 = scores(folder, splits[split])
            print(f"{folder} on {split}: accuracy {accuracy:.1%}, F1 {f1:.1%}")


def scores(folder, pairs):
    """(accuracy, F1) of the model in a folder."""
    from sklearn.metrics import accuracy_score, f1_score
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from pipeline.prediction import logits_of
    from pipeline.serving import served
    from pipeline.tokenization import tokenize_function

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True).eval()
    both = zip(pairs["sentence1"], pairs["sentence2"], strict=True)
    encodings = [
        tokenize_function(tokenizer, {"sentence1": first, "sentence2": second})
        for first, second in both
    ]
    chosen = [int(no < yes) for no, yes in logits_of(served(model), tokenizer, encodings)]
    return accuracy_score(pairs["label"], chosen), f1_score(pairs["label"], chosen)


if __name__ == "__main__":
    main(*sys.argv[1:3])
