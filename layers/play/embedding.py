"""Token ids through Embedding: each takes its row of the table."""

import torch
import torch.nn.functional as F

from languages import say, say_plural
from layers.play import worked
from layers.play.backward import Layer, Place, exact, inside
from layers.play.forward import Forward, Step, row, small_matrix
from layers.play.shapes import whole

MOST_IDS = 8


def embedding(
    ids: list,
    num_embeddings: int = 6,
    embedding_dim: int = 3,
    padding_idx: int | None = None,
    seed: int = 0,
    at: Place = (0, 0),
) -> Forward:
    """Ids through nn.Embedding; `at` = (position, column) is worked out.

    padding_idx: the row that begins as zeros, and whose gradient is always 0.
    """
    num_embeddings = whole("num_embeddings", num_embeddings, 1, 12)
    embedding_dim = whole("embedding_dim", embedding_dim, 1, 8)
    ids = _checked(ids, num_embeddings)
    weight = exact(small_matrix(num_embeddings, embedding_dim, seed, 20, 0.1))
    if padding_idx is not None:
        weight[padding_idx] = 0
    indices = torch.tensor(ids)
    with_padding = "" if padding_idx is None else f", padding_idx={padding_idx}"
    layer = Layer(
        {"weight": weight},
        lambda weight: F.embedding(indices, weight, padding_idx),
        f"F.embedding(ids, weight{with_padding})",
        lambda leaf, place, there, result: (
            say("that number is a copy of it"),
            worked.said(result),
        ),
        {"ids": indices},
        say(
            "Only rows whose id is there get a gradient, once for each time that it is there; the "
            "row of padding_idx gets none."
        ),
    )
    output = layer.run(weight)
    at = inside(at, output.shape)
    id = ids[at[0]]
    one_hot = [(float(number == id), weight[number, at[1]].item()) for number in range(len(weight))]
    return Forward(
        layer,
        f"nn.Embedding({num_embeddings}, {embedding_dim}{with_padding})",
        at,
        [
            Step("ids", "ids", ids, [at[:1]], note=say("a number for each token")),
            Step(
                "weight",
                "weight",
                weight.tolist(),
                row(id, embedding_dim),
                "→",
                say("a row for each id"),
            ),
            Step(say("Output"), "output", output.tolist(), [at], "→"),
        ],
        [
            (
                say(
                    "id {id} takes row {id}; as a product of its one-hot row and column {column}",
                    id=id,
                    column=at[1],
                ),
                worked.products(one_hot, output[at].item()),
            )
        ],
        [],
        [
            say_plural(
                "weight: {shape}; {count} parameter",
                "weight: {shape}; {count} parameters",
                weight.numel(),
                shape=f"{num_embeddings} × {embedding_dim}",
            )
        ],
    )


def _checked(ids, size):
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_IDS:
        raise ValueError(say("ids are {ids}. Give 1 to {most} of them.", ids=ids, most=MOST_IDS))
    for id in ids:
        if id != int(id) or not 0 <= id < size:
            raise ValueError(
                say(
                    "ids contain {id:g}, but the table has {size} rows. Choose whole numbers from "
                    "0 to {last}, or more num_embeddings.",
                    id=id,
                    size=size,
                    last=size - 1,
                )
            )
    return [int(id) for id in ids]
