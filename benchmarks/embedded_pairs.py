"""python benchmarks/embedded_pairs.py [FOLDER]: are the embedded pairs worth learning from?

Prints, for each split, the best accuracy of a cosine threshold on the embedded checkpoint's own sentence embeddings;
with the FOLDER of a model fine-tuned on the real MRPC, also that model's accuracy and F1.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))


def cosines(pairs):
    """Cosine similarity of each pair's mean-pooled sentence embeddings, (n,)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from pipeline.sources import embedded_checkpoint

    tokenizer = AutoTokenizer.from_pretrained(embedded_checkpoint())
    model = AutoModel.from_pretrained(embedded_checkpoint()).eval()

    def embed(sentences):
        batch = tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state  # (batch, seq_len, hidden)
        mask = batch["attention_mask"][..., None]
        return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)  # (batch, hidden)

    return (embed(pairs["sentence1"]) * embed(pairs["sentence2"])).sum(-1)


def best_threshold(similarities, labels):
    """The best accuracy that any threshold reaches, chosen on these very pairs: an upper bound."""
    import torch

    labels = torch.tensor(labels)
    thresholds = [-1.0, *similarities.tolist(), 2.0]
    return max(((similarities >= threshold) == (labels == 1)).float().mean().item() for threshold in thresholds)


def main():
    from sklearn.metrics import accuracy_score, f1_score
    from transformers import AutoModelForSequenceClassification

    from pipeline.dataset import load_raw_datasets
    from pipeline.prediction import logits_of
    from pipeline.serving import served
    from pipeline.settings import EMBEDDED_CHECKPOINT
    from pipeline.tokenization import tokenize_function, tokenizer_for

    raw_datasets, _ = load_raw_datasets("embedded")
    tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT)
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    model = folder and AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True).eval()
    for split, pairs in raw_datasets.items():
        pairs = pairs[:]
        line = f"{split:12}{len(pairs['label']):>4} pairs  cosine {best_threshold(cosines(pairs), pairs['label']):.1%}"
        if model:
            encodings = [tokenize_function(tokenizer, {"sentence1": first, "sentence2": second})
                         for first, second in zip(pairs["sentence1"], pairs["sentence2"], strict=True)]  # fmt: skip
            chosen = [int(no < yes) for no, yes in logits_of(served(model), tokenizer, encodings)]
            accuracy, f1 = accuracy_score(pairs["label"], chosen), f1_score(pairs["label"], chosen)
            line += f"  fine-tuned on MRPC: accuracy {accuracy:.1%}, F1 {f1:.1%}"
        print(line)


if __name__ == "__main__":
    main()
