"""How the two adapters in embedded/adapters came to be, and how each is made again; and a third.

    python -m recipes.adapters pair-warmed --output FOLDER      about 15 minutes on two cores
    python -m recipes.adapters paraphrase --output FOLDER       about 45 minutes
    python -m recipes.adapters noticing --output FOLDER         about 10 minutes

All are LoRA adapters of the embedded checkpoint (Hu et al. 2021,
https://arxiv.org/abs/2106.09685), saved by peft.

`pair-warmed` has seen no label. The checkpoint was trained on single sentences and has never read
two in one sequence. Here it learns to, from itself: the classifier's answer for a pair follows the
cosine similarity of the two sentences' own embeddings (distillation, Hinton et al. 2015,
https://arxiv.org/abs/1503.02531).

`paraphrase` goes on from there with MRPC's labels and with what four teachers say. A teacher
compares the two sentences' mean vectors, a head that suits this checkpoint better than BERT's own
but is no standard one. Each learns from three quarters of the labels and speaks on the rest, and
all four on pairs of similar sentences that MRPC doesn't label. The first embedded pairs, which have
a shortcut (pipeline/embedded/shortcut), are learned with them: MRPC hardly has pairs that differ in
one word.

`noticing` goes on from `paraphrase`, which overlooks a "not" or another number, with changed pairs
(recipes/changed_pairs.py). What it gains and what that costs is in dev/LOG.md; it doesn't come with
the app.
"""

import argparse
import random
from collections.abc import Sequence
from functools import partial

from pipeline.collation import build_data_collator
from pipeline.dataset import SOURCES, load_raw_datasets
from pipeline.hub.sources import adapter_files
from pipeline.model import load_model
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED, Settings
from pipeline.tokenization import load_tokenizer, tokenize_function
from pipeline.training import set_dropout
from recipes.changed_pairs import Mixture, Sources
from recipes.corruption import Corruption

RANK = 16  # with pooler and head 1.6 MB in fp16
# Of those tried (dev/LOG.md), the one that notices most for what it costs of MRPC's accuracy
MIXTURE = Mixture(
    pairs=11_200,
    changed=0.28,
    same=0.10,
    embedded=0.10,
    weights={
        "negate": 0.8,
        "number": 1.4,
        "date": 0.7,
        "name": 1.4,
        "roles": 0.4,
        "opposite": 1.0,
    },
    learning_rate=7e-4,
    moved=0.6,
)

# ---------------------------------------------------------------- pairs without labels


def sentences_of(rows):
    """Each sentence of a split once, in order: without its partner and their label."""
    return list(dict.fromkeys([*rows["sentence1"], *rows["sentence2"]]))


def embeddings(sentences, settings, batch_size=64):
    """Unit mean-pooled embeddings of the embedded checkpoint, (sentences, 384): what
    sentence-transformers computes.
    """
    import torch
    from transformers import AutoModel

    from pipeline.hub.sources import embedded_checkpoint

    tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, settings)
    encoder = AutoModel.from_pretrained(embedded_checkpoint(), local_files_only=True).eval()
    by_length = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    vectors = torch.zeros(len(sentences), encoder.config.hidden_size)
    for start in range(0, len(sentences), batch_size):
        chosen = by_length[start : start + batch_size]
        batch = tokenizer(
            [sentences[i] for i in chosen],
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        )
        with torch.inference_mode(), autocast():
            hidden = encoder(**batch).last_hidden_state.float()
        vectors[chosen] = mean_vector(hidden, batch["attention_mask"])
    return vectors


def mean_vector(hidden, mask):
    """Hidden states (batch, seq_len, size) -> the unit mean under the mask, (batch, size)."""
    import torch

    weights = mask[..., None].to(hidden.dtype)
    return torch.nn.functional.normalize(
        (hidden * weights).sum(1) / weights.sum(1).clamp(min=1), dim=-1
    )


def autocast():
    import torch

    from pipeline.training import has_fast_bf16

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, torch.bfloat16, enabled=has_fast_bf16())


def unlabeled_pairs(sentences, settings, count, seed=0):
    """(sentence1, sentence2, cosine of their embeddings) x count: 45% near neighbours, 8% random,
    the rest corrupted.
    """
    import torch

    corrupt, rng = Corruption(sentences, seed), random.Random(seed)
    corrupted = [corrupt(sentence) for sentence in sentences for _ in range(2)]
    vectors = embeddings(sentences + corrupted, settings)
    near = neighbours(vectors[: len(sentences)], most=12)[1]
    texts = sentences + corrupted

    def neighbour(i, steepness):
        return int(near[i][min(near.shape[1] - 1, int(rng.expovariate(steepness)))])

    pairs = []
    while len(pairs) < count:
        i, kind = rng.randrange(len(sentences)), rng.random()
        own = [len(sentences) + 2 * i, len(sentences) + 2 * i + 1]
        if kind < 0.45:
            pair = [i, neighbour(i, 0.5)]
        elif kind < 0.53:
            pair = [i, rng.randrange(len(sentences))]
        elif kind < 0.80:
            pair = [i, rng.choice(own)]
        elif kind < 0.88:
            pair = own
        else:
            pair = [rng.choice(own), neighbour(i, 0.7)]
        pairs.append(pair if rng.random() < 0.5 else pair[::-1])
    first, second = torch.tensor(pairs).T
    cosines = (vectors[first] * vectors[second]).sum(1).tolist()
    return [(texts[a], texts[b], cosine) for (a, b), cosine in zip(pairs, cosines, strict=True)]


def neighbours(vectors, most):
    """(cosines, indices) of the `most` nearest other rows of each row."""
    similarity = vectors @ vectors.T
    similarity.fill_diagonal_(-1)
    return similarity.topk(min(most, len(vectors) - 1), dim=1)


# ---------------------------------------------------------------- training on soft labels


def soft_cross_entropy(outputs, labels, num_items_in_batch=None):
    """Mean of -sum(label * log softmax(logits)): cross-entropy whose labels are probabilities,
    (batch, 2).
    """
    logits = outputs["logits"].float()
    return -(labels * logits.log_softmax(-1)).sum(-1).mean()


def soft_rows(tokenizer, pairs, probabilities):
    """Pairs and their probabilities of being equivalent -> a Dataset for Trainer, labels (not
    equivalent, equivalent).
    """
    from datasets import Dataset

    rows = Dataset.from_dict(
        {
            "sentence1": [pair[0] for pair in pairs],
            "sentence2": [pair[1] for pair in pairs],
            "labels": [[1 - probability, probability] for probability in probabilities],
        }
    )
    return rows.map(partial(tokenize_function, tokenizer, max_length=128), batched=True)


def train(
    model,
    tokenizer,
    rows,
    output_dir,
    epochs=1,
    learning_rate=1e-3,
    batch_size=16,
    seed=0,
    optimizer=None,
):
    """One Trainer run on soft labels; the model is changed in place."""
    import torch
    from transformers import Trainer, TrainingArguments

    from pipeline.training import has_fast_bf16

    arguments = TrainingArguments(
        output_dir=str(output_dir),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=0.1,
        weight_decay=0.01,
        bf16=has_fast_bf16(),
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="group_by_length",
        save_strategy="no",
        logging_steps=50,
        report_to="none",
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    Trainer(
        model,
        arguments,
        build_data_collator(tokenizer),
        rows,
        processing_class=tokenizer,
        compute_loss_func=soft_cross_entropy,
        optimizers=(optimizer, None),
    ).train()
    return model.eval()


def adapted(settings, seed, start=None):
    """The embedded checkpoint with a LoRA adapter on every linear layer of the encoder: a fresh
    one, or the folder `start`'s.

    Pooler and classifier learn whole.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    model, _ = load_model(EMBEDDED_CHECKPOINT, seed, settings=settings)
    set_dropout(model, 0.1)
    if start:
        return PeftModel.from_pretrained(model, start, is_trainable=True)
    return get_peft_model(
        model,
        LoraConfig(
            task_type="SEQ_CLS",
            r=RANK,
            lora_alpha=2 * RANK,
            target_modules=r".*\.encoder\..*\.(query|key|value|dense)",
            modules_to_save=["classifier", "pooler"],
            base_model_name_or_path=EMBEDDED_CHECKPOINT,
        ),
    )


def save(model, folder):
    """adapter_model.safetensors in fp16 and adapter_config.json, as PeftModel.from_pretrained reads
    them.
    """
    config = model.peft_config["default"]
    config.base_model_name_or_path, config.inference_mode = EMBEDDED_CHECKPOINT, True
    # peft would ask the Hub whether the vocabulary has grown
    model.half().save_pretrained(folder, save_embedding_layers=False)


# ---------------------------------------------------------------- pair-warmed


def pair_warmed(folder, settings, source="auto", pairs=19_200, seed=0):
    """Distil the checkpoint's own cosine similarity into its standard head, without labels; saved
    to `folder`.
    """
    import torch

    raw_datasets, origin = load_raw_datasets(source, settings)
    print(f"sentences: {origin}, without labels")
    unlabeled = unlabeled_pairs(sentences_of(raw_datasets["train"]), settings, pairs, seed)
    # Soft targets around a similarity of 0.75, midway between a reworded sentence and another one
    # on its subject
    targets = torch.sigmoid(
        (torch.tensor([cosine for *_, cosine in unlabeled]) - 0.75) / 0.07
    ).tolist()
    tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, settings)
    model = adapted(settings, seed)
    train(
        model, tokenizer, soft_rows(tokenizer, unlabeled, targets), folder, batch_size=32, seed=seed
    )
    save(model, folder)


# ---------------------------------------------------------------- paraphrase


def teacher(settings):
    """A model that compares the mean vectors u, v of the two sentences, encoded together.

    logit = s (cos(u, v) - t) + w · 20 [|u - v|, u v]: it starts as the checkpoint's own cosine
    similarity (w = 0) and learns from there. Token types are left at 0, as the checkpoint was
    trained.
    """
    import torch
    from transformers import AutoModel

    from pipeline.hub.sources import embedded_checkpoint

    class Teacher(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = AutoModel.from_pretrained(
                embedded_checkpoint(), local_files_only=True, attn_implementation="eager"
            )
            self.scale, self.threshold = (
                torch.nn.Parameter(torch.tensor(10.0)),
                torch.nn.Parameter(torch.tensor(0.68)),
            )
            self.features = torch.nn.Linear(2 * self.encoder.config.hidden_size, 1)
            torch.nn.init.zeros_(self.features.weight)
            torch.nn.init.zeros_(self.features.bias)

        def forward(self, input_ids, attention_mask, token_type_ids, labels=None):
            hidden = self.encoder(
                input_ids, attention_mask, torch.zeros_like(token_type_ids)
            ).last_hidden_state.float()
            u = mean_vector(hidden, attention_mask * (1 - token_type_ids))
            v = mean_vector(hidden, attention_mask * token_type_ids)
            compared = torch.cat([(u - v).abs(), u * v], -1)
            logit = self.scale * ((u * v).sum(-1) - self.threshold) + self.features(
                20 * compared
            ).squeeze(-1)
            return {"logits": torch.stack([torch.zeros_like(logit), logit], -1)}

    return Teacher()


def turned(pairs, seed):
    """Half of the pairs with their sentences swapped: their order doesn't matter."""
    rng = random.Random(seed)
    return [pair if rng.random() < 0.5 else pair[::-1] for pair in pairs]


def taught(pairs, labels, settings, folder, seed):
    """A teacher that has learned these pairs' labels, three times through, each pair in both orders
    by turns.
    """
    import torch

    torch.manual_seed(seed)
    tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, settings)
    model = teacher(settings)
    head = {
        id(parameter) for parameter in (model.scale, model.threshold, *model.features.parameters())
    }
    groups = [
        {"params": [p for p in model.parameters() if id(p) not in head], "lr": 1e-4},
        {"params": [p for p in model.parameters() if id(p) in head], "lr": 1e-3},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    rows = soft_rows(tokenizer, turned(3 * pairs, seed), 3 * labels)
    return train(model, tokenizer, rows, folder, seed=seed, optimizer=optimizer)


def opinions(model, pairs, settings):
    """A model's logits for pairs, the mean of both orders, (pairs,)."""
    turned = [pair[::-1] for pair in pairs]
    return (logits(model, pairs, settings) + logits(model, turned, settings)) / 2


def logits(model, pairs, settings, batch_size=64):
    """A model's logits for pairs, equivalent minus not equivalent, (pairs,)."""
    import torch

    tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, settings)
    by_length = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
    found = torch.zeros(len(pairs))
    for start in range(0, len(pairs), batch_size):
        chosen = by_length[start : start + batch_size]
        batch = tokenizer(
            [pairs[i][0] for i in chosen],
            [pairs[i][1] for i in chosen],
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        ).to(next(model.parameters()).device)
        with torch.inference_mode(), autocast():
            found[chosen] = model(**batch)["logits"].float().diff(dim=-1).squeeze(-1).cpu()
    return found


def similar_pairs(sentences, known, settings, count, seed=0):
    """Pairs of near neighbours with a cosine above 0.45 that aren't among the `known` ones, at most
    `count`.
    """
    cosines, near = neighbours(embeddings(sentences, settings), most=6)
    known = {frozenset(pair) for pair in known}
    found = dict.fromkeys(
        tuple(sorted((i, int(j))))
        for i in range(len(sentences))
        for cosine, j in zip(cosines[i], near[i], strict=True)
        if cosine > 0.45 and frozenset((sentences[i], sentences[int(j)])) not in known
    )
    chosen = random.Random(seed).sample(list(found), min(count, len(found)))
    return [(sentences[i], sentences[j]) for i, j in chosen]


def paraphrase(folder, settings, source="auto", seed=0, folds=4, mined=8_000):
    """From the pair-warmed start, learn MRPC's labels and the teachers' opinions; saved to
    `folder`.
    """
    import torch

    raw_datasets, origin = load_raw_datasets(source, settings)
    print(f"labels: {origin}")
    rows = raw_datasets["train"]
    pairs, labels = labeled_pairs(rows)
    similar = similar_pairs(sentences_of(rows), pairs, settings, mined, seed)
    on_similar, on_labeled = torch.zeros(len(similar)), torch.zeros(len(pairs))
    fold = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed)) % folds
    for k in range(folds):
        learned, unseen = (
            (fold != k).nonzero().flatten().tolist(),
            (fold == k).nonzero().flatten().tolist(),
        )
        model = taught(
            [pairs[i] for i in learned], [labels[i] for i in learned], settings, folder, seed + k
        )
        on_labeled[unseen] = opinions(model, [pairs[i] for i in unseen], settings)
        on_similar += opinions(model, similar, settings) / folds
    # A label counts as much as the opinion of the teacher that hasn't seen it: many of MRPC's
    # labels can be argued about
    targets = (torch.tensor(labels) + on_labeled.sigmoid()) / 2
    # The shipped adapter learned the project's first pairs along, shortcut and all; the recipe
    # keeps to them
    own, own_labels = labeled_pairs(load_raw_datasets("shortcut", settings)[0]["train"])
    everything = [*targets.tolist(), *own_labels, *on_similar.sigmoid().tolist()]
    save(taught_by_teachers(pairs + own + similar, everything, settings, folder, seed), folder)


def labeled_pairs(rows):
    """A split -> its pairs and their labels as numbers, 1.0 for equivalent."""
    return list(zip(rows["sentence1"], rows["sentence2"], strict=True)), [
        float(label) for label in rows["label"]
    ]


def taught_by_teachers(pairs, targets, settings, folder, seed):
    """The pair-warmed adapter, trained on twice through these pairs with soft targets, either order
    by chance.
    """
    tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, settings)
    model = adapted(settings, seed, start=adapter_files(WARMED).adapter)
    return train(
        model,
        tokenizer,
        soft_rows(tokenizer, turned(2 * pairs, seed), 2 * targets),
        folder,
        seed=seed,
    )


# ---------------------------------------------------------------- noticing


def noticing(folder, settings, source="auto", seed=0, mixture=MIXTURE):
    """From adapter:paraphrase, learn to notice changes; saved to `folder`.

    It goes on with changed pairs, and with its own answers to MRPC's. Then its weights move a part
    of the way there.
    """
    import torch

    raw_datasets, origin = load_raw_datasets(source, settings)
    print(f"pairs: {origin}")
    pairs, labels = labeled_pairs(raw_datasets["train"])
    model = adapted(settings, seed, start=adapter_files(READY).adapter).eval()
    set_dropout(model, 0.0)  # each pair is seen once or twice
    before = {
        name: weight.detach().clone()
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }
    kept = turned(pairs, seed)
    answers = logits(model, kept, settings).sigmoid().tolist()
    drawn, targets = mixture.drawn(
        Sources.of(pairs, labels), list(zip(kept, answers, strict=True)), random.Random(seed)
    )
    tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, settings)
    rows = soft_rows(tokenizer, turned(drawn, seed), targets)
    train(model, tokenizer, rows, folder, learning_rate=mixture.learning_rate, seed=seed)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, old in before.items():
            weights[name].copy_(torch.lerp(old, weights[name], mixture.moved))
    save(model, folder)


# ---------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> None:
    """Make one of the adapters."""
    parser = argparse.ArgumentParser(prog="python -m recipes.adapters", description=main.__doc__)
    recipes = {"pair-warmed": pair_warmed, "paraphrase": paraphrase, "noticing": noticing}
    parser.add_argument("which", choices=list(recipes))
    parser.add_argument(
        "--output",
        required=True,
        help="folder for adapter_model.safetensors and adapter_config.json",
    )
    parser.add_argument("--source", default="auto", choices=SOURCES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    recipes[options.which](options.output, Settings(), options.source, seed=options.seed)
    print(f"adapter: {options.output}")


if __name__ == "__main__":
    main()
