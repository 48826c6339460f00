"""What the Model tab shows of a pair -> a plain script that computes the same figures.

    >>> print(inside_script("adapter:paraphrase", ("Hi.", "Hello.")).splitlines()[0])
    # What the Model tab shows: a pair's way through the model.

A section of the tab adds its lines to SECTIONS. They find `model`, `tokenizer`, `batch` (the
pair), `layers` (the encoder's), `states` (before the first layer and after each, (1, positions,
width)) and `answer`, which has logits and attentions.
"""

import inspect

from pipeline.explain.probing import WORD
from pipeline.export.scripts import asked_once, model_lines
from pipeline.inside import by_hand
from pipeline.inside.attributions import NEAR_ENOUGH, STEPS
from pipeline.inside.forward import Pair
from pipeline.settings import LABELS, Settings

FORWARD = """
model.set_attn_implementation("eager")  # it alone shows its weights
layers = next(
    part for part in model.base_model.modules()
    if isinstance(part, torch.nn.ModuleList) and len(part) == model.config.num_hidden_layers)


def asked(batch):
    \"\"\"(the answer, what goes into the first layer and comes out of each)\"\"\"
    states = []

    def note(layer, given, gave):
        states.extend([given[0]] if not states else [])
        states.append(gave[0] if isinstance(gave, tuple) else gave)

    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.inference_mode():
        answer = model(**batch, output_attentions=True)
    for hook in hooks:
        hook.remove()
    return answer, states


answer, states = asked(batch)
"""

WAY_THROUGH = """

# ---- the way through: parameters, shapes, the first numbers, each module computed again
print("parameters", sum(parameter.numel() for parameter in model.parameters()))
rest = [child for child in model.named_children() if child[1] is not model.base_model]
for name, part in [*model.base_model.named_children(), *rest]:
    print("parameters of", name, sum(parameter.numel() for parameter in part.parameters()))
print("embeddings", list(states[0].shape), states[0].flatten()[:4].tolist())
print("first row after the layers", states[-1][0, 0, :4].tolist())
print("logits", answer.logits[0].tolist())


{by_hand}

differences = []


def compare(module, given, gave):
    again = BY_HAND[type(module)](module, given[0])
    differences.append((again - gave).abs().max().item() / max(1, gave.abs().max().item()))


BY_HAND = {{torch.nn.Embedding: embedding, torch.nn.Linear: linear, torch.nn.LayerNorm: layer_norm}}
hooks = [part.register_forward_hook(compare) for part in model.modules() if type(part) in BY_HAND]
with torch.inference_mode():
    model(**batch)
for hook in hooks:
    hook.remove()
print("modules computed again", len(differences), "largest difference", max(differences))
"""

LAYER_ANSWERS = """

# ---- the answer after each layer: the head, trained for the last one, gets each layer's output
other = tokenizer(*{other!r}, truncation=True, max_length={max_length}, return_tensors="pt")
others = asked(other)[1]


def exchange(layer, given, gave):
    stacked = torch.cat(states)  # (layers + 1, positions, width)
    return (stacked, *gave[1:]) if isinstance(gave, tuple) else stacked


hook = layers[-1].register_forward_hook(exchange)
with torch.inference_mode():
    rows = {{name: tensor.expand(len(states), -1) for name, tensor in batch.items()}}
    logits = model(**rows).logits
hook.remove()
for number, (row, state, another) in enumerate(zip(logits, states, others)):
    alike = torch.cosine_similarity(state[0, 0], another[0, 0], 0).item()
    print("after layer", number, "probabilities", row.softmax(-1).tolist(), "cosine", alike)
"""

ATTENTION = """

# ---- attention: each head's softmax(Q·Kᵀ/√d + mask), a row for each token that looks
pieces, sentences = batch.tokens(), batch.sequence_ids()
words = [at for at, sentence in enumerate(sentences) if sentence is not None]
ids = batch["input_ids"][0].tolist()
looked_at = {{
    "same": lambda row: [
        at for at in words if ids[at] == ids[row] and sentences[at] != sentences[row]],
    "previous": lambda row: [row - 1] if row else [],
    "next": lambda row: [row + 1] if row + 1 < len(ids) else [],
    "itself": lambda row: [row],
    "first": lambda row: [0],
    "separator": lambda row: [at for at in range(1, len(ids)) if sentences[at] is None]}}
if getattr(answer, "attentions", None):
    attention = torch.stack(answer.attentions)[:, 0]  # (layers, heads, positions, positions)
    for kind, columns in looked_at.items():
        given = [attention[:, :, row, columns(row)].sum(-1) for row in words if columns(row)]
        if given:
            share = sum(given) / len(given)  # (layers, heads)
            layer, head = divmod(share.argmax().item(), share.shape[1])
            print("looks at", kind, "layer", layer + 1, "head", head + 1, share.max().item())
    # The same pair beside a longer one: its row is padded
    longer = [f"{{text}} {{text}}" for text in {pair!r}]
    padded = tokenizer(
        *[list(texts) for texts in zip({pair!r}, longer)],  # each sentence's two rows
        truncation=True, max_length={max_length}, padding=True, return_tensors="pt")
    is_padding = padded["attention_mask"][0] == 0
    mask = padded["attention_mask"]
    for name, used in (("mask", mask), ("ones", torch.ones_like(mask))):
        seen = asked({{**padded, "attention_mask": used}})[0].attentions
        for number, layer in enumerate(seen, 1):
            given = layer[0][:, ~is_padding][:, :, is_padding].sum(-1).mean(-1)  # (heads,)
            print("to padding with", name, "layer", number, given.mean().item())
"""

MODES = """

# ---- train() and eval(), and what a forward pass keeps for the backward pass
followed = 1 if model.config.num_labels == 2 else answer.logits[0].argmax().item()
for mode in ("train", "eval"):
    model.train(mode == "train")
    torch.manual_seed({seed})
    with torch.no_grad():
        shares = [model(**batch).logits.double().softmax(-1)[0, followed].item() for _ in range(10)]
    print("probabilities in", mode, shares)
own = {{tensor.untyped_storage().data_ptr() for tensor in model.parameters()}}
model.requires_grad_(True)
for mode in ("train", "eval"):
    for gradients in (True, False):
        model.train(mode == "train")
        kept = {{}}

        def keep(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with torch.set_grad_enabled(gradients), hooks:
            result = model(**batch)  # held until all is counted
        how = "with gradients" if gradients else "under no_grad"
        print("kept in", mode, how, sum(kept.values()))
"""

WHAT_MOVED = """

# ---- what moved the answer: pip install captum
from captum.attr import IntegratedGradients

rest = {{name: tensor for name, tensor in batch.items() if name != "input_ids"}}


def score(logits):
    others = (logits.sum(-1) - logits[:, followed]) / (logits.shape[-1] - 1)
    return logits[:, followed] - others


def score_of_embeddings(embeddings):
    rows = {{name: tensor.expand(len(embeddings), -1) for name, tensor in rest.items()}}
    return score(model(inputs_embeds=embeddings, **rows).logits)


special = torch.tensor([sentence is None for sentence in batch.sequence_ids()])
neutral = torch.where(special, batch["input_ids"], tokenizer.pad_token_id)
with torch.no_grad():
    own, start = (model.get_input_embeddings()(ids) for ids in (batch["input_ids"], neutral))
    difference = (score_of_embeddings(own) - score_of_embeddings(start)).item()
for steps in {steps}:  # until the sum is near enough
    moved = IntegratedGradients(score_of_embeddings).attribute(
        own, start, n_steps=steps, internal_batch_size=8)[0].sum(-1)
    if abs(moved.sum().item() - difference) <= {near} * abs(difference):
        break
print("scores differ by", difference, "sum of the shares", moved.sum().item())
print("shares", moved.tolist())
for which, text in enumerate({pair!r}):
    for word in re.finditer({word!r}, text):
        texts = list({pair!r})
        before, after = text[:word.start()], text[word.end():]
        texts[which] = before.rstrip() + after if before.strip() else after.lstrip()
        if texts[which].strip():
            without = tokenizer(
                *texts, truncation=True, max_length={max_length}, return_tensors="pt")
            with torch.no_grad():
                worth = score(answer.logits) - score(model(**without).logits)
            print("left out", worth.item(), repr(word.group()))
"""

CHANGES = """

# ---- before and after: the start that this model was fine-tuned from
after, after_layers, after_answer = model, layers, answer
{start}
model.eval()
{forward}

def moved(pairs):
    apart = sum((now.double() - start.double()).square().sum().item() for start, now in pairs)
    length = sum(start.double().square().sum().item() for start, now in pairs)
    return (apart / length) ** 0.5 if length else float("inf") if apart else 0.0


def kind(name, part):
    if "norm" in type(part).__name__.lower():
        return "LayerNorm"
    return "attention" if "attn" in name.lower() or "attention" in name.lower() else "feed-forward"


print("probabilities before", answer.logits[0].softmax(-1).tolist())
for number, (start, now) in enumerate(zip(layers, after_layers), 1):
    kinds = {{}}
    for (name, part), part_now in zip(start.named_modules(), now.modules()):
        own, own_now = (each.parameters(recurse=False) for each in (part, part_now))
        kinds.setdefault(kind(name, part), []).extend(zip(own, own_now))
    for each in sorted(kinds):
        print("moved", each, number, moved(kinds[each]))
in_layers = {{id(weights) for weights in after_layers.parameters()}}
for (name, before), weights in zip(model.named_parameters(), after.parameters()):
    if id(weights) not in in_layers:
        print("moved outside", moved([(before, weights)]), name)
if getattr(answer, "attentions", None):
    for number, (one, other) in enumerate(zip(answer.attentions, after_answer.attentions), 1):
        shift = 0.5 * (one[0] - other[0]).abs().sum(-1).mean(-1)  # a number for each head
        print("heads moved in layer", number, shift.tolist())
"""

SECTIONS = (FORWARD, WAY_THROUGH, LAYER_ANSWERS, ATTENTION, MODES, WHAT_MOVED)


def inside_script(
    model: str,
    pair: Pair,
    other: Pair | None = None,
    max_length: int = 128,
    seed: int = Settings.seed,
    labels: int = len(LABELS),
    start: tuple[str, int] | None = None,
) -> str:
    """The figures of all sections. other: the pair that the first rows are compared with (default:
    this one, its sentences swapped); labels: how many the model has; start: the checkpoint that it
    was fine-tuned from and the seed of its new head, None where that is not compared.
    """
    sentence1, sentence2 = pair
    own = (by_hand.embedding, by_hand.linear, by_hand.layer_norm)
    sources = "\n\n".join(inspect.getsource(each) for each in own)
    sources = sources.replace(": Module", "").replace(": Tensor", "").replace(" -> Tensor", "")
    second = other or ((sentence1, None) if sentence2 is None else (sentence2, sentence1))
    values = {
        "by_hand": sources.strip(),
        "max_length": max_length,
        "other": [sentence for sentence in second if sentence is not None],
        "pair": [sentence for sentence in pair if sentence is not None],
        "seed": seed,
        "steps": STEPS,
        "near": NEAR_ENOUGH,
        "word": WORD.pattern,
    }
    opening = asked_once(
        "What the Model tab shows: a pair's way through the model",
        model,
        pair,
        max_length,
        seed,
        labels,
    )
    opening = opening.replace("import torch\n", "import re\n\nimport torch\n", 1)
    first, *sections = SECTIONS
    if start:
        sections.append(CHANGES)
        values |= {"start": model_lines(*start, labels=labels), "forward": first.strip() + "\n"}
    return opening + first + "".join(section.format(**values) for section in sections)
