"""Notes, Hugging Face 1, second part: from tokenized_datasets to one padded batch."""

import inspect

from layers.claims.claim import HUGGING_FACE, TRAINS, Evidence, Section, error_of, lacking, noted
from layers.claims.materials import (
    MRPC,
    NEEDS_MRPC,
    tiny_model,
    tokenized_train,
    tokenizer,
    training_args,
)

section = Section("collating", "Hugging Face 1: the batch")
COLLATOR = (
    HUGGING_FACE + "transformers/main_classes/data_collator#transformers.DataCollatorWithPadding"
)
TRAINER = HUGGING_FACE + "transformers/main_classes/trainer#transformers.Trainer"
ARGUMENTS = HUGGING_FACE + "transformers/main_classes/trainer#transformers.TrainingArguments"
UNUSED = ("idx", "sentence1", "sentence2")
THE_NOTES_LENGTHS = [50, 59, 47, 67, 59, 50, 62, 32]


def eight_samples() -> tuple[dict[str, list], str]:
    """(dict of lists, where from): eight tokenized rows without the columns that the model doesn't
    know.
    """
    train_samples, origin = tokenized_train()
    return {
        name: values for name, values in train_samples[:8].items() if name not in UNUSED
    }, origin


@section.claim(
    "hf-unused-columns",
    "The model has no use for idx, sentence1 and sentence2.",
    "The model takes the arguments of its forward(), and these aren't among them. (label is used "
    "after the collator has renamed it to labels.)",
    HUGGING_FACE + "transformers/model_doc/bert#transformers.BertForSequenceClassification",
)
def unused_columns() -> Evidence:
    arguments = inspect.signature(tiny_model().forward).parameters
    columns = tokenized_train()[0].column_names
    return noted(
        not [name for name in UNUSED if name in arguments],
        used=[name for name in columns if name in arguments],
        not_used=[name for name in columns if name not in arguments],
    )


@section.claim(
    "hf-columns-by-hand",
    "tokenized_datasets can't go into the model as it is: idx, sentence1 and sentence2 have to "
    "be removed first.",
    "The collator can't turn text into a tensor, and forward() has no such arguments. If you "
    "call the collator yourself, remove them first, as the notes do. Trainer removes them "
    "automatically (remove_unused_columns=True).",
    ARGUMENTS,
)
def columns_by_hand() -> Evidence:
    from transformers import DataCollatorWithPadding, Trainer

    train_dataset, origin = tokenized_train()  # idx, sentence1 and sentence2 still in
    by_hand = error_of(
        DataCollatorWithPadding(tokenizer()), [train_dataset[row] for row in range(8)]
    )

    def trained(**settings):
        args = training_args(**settings)
        return error_of(
            Trainer(
                tiny_model(), args, train_dataset=train_dataset, processing_class=tokenizer()
            ).train
        )

    left_in, taken_out = trained(remove_unused_columns=False), trained()
    return noted(
        by_hand is not None and left_in is not None,
        {
            "remove_unused_columns=False": type(left_in).__name__,
            "remove_unused_columns=True": TRAINS if taken_out is None else str(taken_out),
        },
        columns=train_dataset.column_names,
        collator_by_hand=type(by_hand).__name__,
        data=origin,
    )


@section.claim(
    "hf-dataset-items",
    "train_samples = {k: v for k, v in train_samples.items() if k not in […]} removes columns "
    "from a split.",
    "A Dataset has no items(). Either slice first, which gives a dict of lists, or use "
    'tokenized_datasets.remove_columns(["idx", "sentence1", "sentence2"]).',
    HUGGING_FACE + "datasets/process#remove",
    reviewed="corrected",
)
def dataset_items() -> Evidence:
    train_samples, _ = tokenized_train()
    error = error_of(lambda: {k: v for k, v in train_samples.items() if k not in UNUSED})
    sliced = {k: v for k, v in train_samples[:8].items() if k not in UNUSED}
    return noted(error is None, error=str(error), after_slicing=list(sliced))


@section.claim(
    "hf-eight-lengths",
    "The first eight training samples of MRPC have 50, 59, 47, 67, 59, 50, 62 and 32 input_ids.",
    "Each consists of [CLS], the first sentence's tokens, [SEP], the second sentence's tokens "
    "and [SEP], in bert-base-uncased's vocabulary, which the embedded checkpoint shares. Only "
    "MRPC itself can decide this card.",
    "https://huggingface.co/learn/llm-course/chapter3/2",
)
def eight_lengths() -> Evidence:
    samples, origin = eight_samples()
    lengths = [len(ids) for ids in samples["input_ids"]]
    if origin != MRPC:
        return lacking(NEEDS_MRPC, lengths=lengths, data=origin)
    return noted(lengths == THE_NOTES_LENGTHS, lengths=lengths, data=origin)


@section.claim(
    "hf-batch-size-in-arguments",
    "The batch size isn't given to the collator but to TrainingArguments, which goes to Trainer.",
    "Trainer's DataLoader divides the rows into batches before the collator sees them. The "
    "argument is per_device_train_batch_size; its default is 8.",
    ARGUMENTS,
)
def batch_size_in_arguments() -> Evidence:
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    def about_batch_size(thing):
        return [
            name
            for name in inspect.signature(thing).parameters
            if name.endswith("train_batch_size")
        ]

    places = (TrainingArguments, Trainer, DataCollatorWithPadding)
    found = {place.__name__: about_batch_size(place) for place in places}
    default = inspect.signature(TrainingArguments).parameters["per_device_train_batch_size"].default
    return noted(
        found["TrainingArguments"]
        and not found["Trainer"]
        and not found["DataCollatorWithPadding"],
        {"per_device_train_batch_size": default},
        taken_by=found,
    )


@section.claim(
    "hf-trainer-splits",
    "Trainer divides the data into raw batches and passes them one by one to the data collator.",
    "Its DataLoader decides the order, divides it into batches and calls the collator with the "
    "list of rows of each batch.",
    COLLATOR,
)
def trainer_splits() -> Evidence:
    from transformers import DataCollatorWithPadding, Trainer

    calls, pad = [], DataCollatorWithPadding(tokenizer())

    def data_collator(features):
        calls.append(len(features))
        return pad(features)

    train_dataset = tokenized_train()[0].select(range(8))
    args = training_args(per_device_train_batch_size=3, max_steps=-1, num_train_epochs=1)
    Trainer(tiny_model(), args, data_collator, train_dataset).train()
    return noted(calls == [3, 3, 2], rows_in_each_call=calls)


@section.claim(
    "hf-collator-one-batch",
    "A collator turns all the rows that it gets into one batch, with all rows of the same length.",
    "It finds the longest of the rows that it gets, pads the others to that length and stacks "
    "them. It doesn't know the batch size.",
    COLLATOR,
)
def collator_one_batch() -> Evidence:
    from transformers import DataCollatorWithPadding

    samples, shapes = eight_samples()[0], {}
    for count in (1, 3, 8):
        some = {name: values[:count] for name, values in samples.items()}
        shapes[count] = tuple(DataCollatorWithPadding(tokenizer())(some)["input_ids"].shape)
    longest = {count: max(map(len, samples["input_ids"][:count])) for count in shapes}
    return noted(all(shapes[count] == (count, longest[count]) for count in shapes), shapes=shapes)


@section.claim(
    "hf-single-needs-no-padding",
    "Why padding: in inference, a single sentence keeps its own length, since it is all the data.",
    "Padding only makes rows equally long, so a single row needs no padding.",
    HUGGING_FACE + "transformers/pad_truncation",
)
def single_needs_no_padding() -> Evidence:
    encoding = tokenizer()("All the data there is.", padding=True, return_tensors="pt")
    logits = tiny_model()(**encoding).logits
    return noted(
        encoding["attention_mask"].all() and logits.shape == (1, 2),
        {"seq_len": encoding["input_ids"].shape[1]},
    )


@section.claim(
    "hf-all-one-length",
    "In training, unlike in inference on one sentence, all samples have to keep the same length.",
    "Only the samples of one batch have to, since a tensor has no ragged rows: each batch is "
    "padded to its own longest row. Padding everything to one length works too, but needs more "
    "computation.",
    "https://huggingface.co/learn/llm-course/chapter3/2#dynamic-padding",
    reviewed="corrected",
)
def all_one_length() -> Evidence:
    from transformers import DataCollatorWithPadding, Trainer

    widths, pad = [], DataCollatorWithPadding(tokenizer())

    def data_collator(features):
        batch = pad(features)
        widths.append(batch["input_ids"].shape[1])
        return batch

    Trainer(
        tiny_model(),
        training_args(per_device_train_batch_size=2, max_steps=4),
        data_collator,
        tokenized_train()[0].select(range(8)),
    ).train()
    return noted(len(set(widths)) == 1, widths_of_the_batches=widths)


@section.claim(
    "trainer-collator-implicit",
    "DataCollatorWithPadding needn't be passed to Trainer explicitly.",
    "This is true with processing_class=tokenizer: Trainer then creates one. With neither, "
    "Trainer doesn't pad, which works only if the rows are already padded; the notes' rows "
    "aren't.",
    TRAINER,
    reviewed="corrected",
)
def collator_implicit() -> Evidence:
    from transformers import Trainer

    rows = tokenized_train()[0]
    longest = max(map(len, rows["input_ids"]))
    padded = rows.map(
        lambda row: tokenizer().pad(row, padding="max_length", max_length=longest),
        load_from_cache_file=False,
    )
    arguments = {
        "neither": {"train_dataset": rows},
        "processing_class=tokenizer": {"train_dataset": rows, "processing_class": tokenizer()},
        "neither, padded rows": {"train_dataset": padded},
    }
    trainers = {
        name: Trainer(tiny_model(), training_args(), **given) for name, given in arguments.items()
    }
    errors = {name: error_of(trainer.train) for name, trainer in trainers.items()}
    outcomes = {
        name: TRAINS if error is None else type(error).__name__ for name, error in errors.items()
    }
    return noted(
        errors["neither"] is None,
        {
            "neither": outcomes["neither"],
            "processing_class=tokenizer": outcomes["processing_class=tokenizer"],
            "neither, padded rows": outcomes["neither, padded rows"],
        },
        made_by_Trainer=type(trainers["processing_class=tokenizer"].data_collator).__name__,
    )


@section.claim(
    "trainer-collator-passed",
    "In practice you don't call the collator by hand but pass it to Trainer.",
    "Trainer calls it once for each batch, so you don't. (Three lines above, the notes say that "
    "it isn't passed. Both are right: pass the collator, or pass the tokenizer as "
    "processing_class, and Trainer creates it.)",
    TRAINER,
)
def collator_passed() -> Evidence:
    from transformers import DataCollatorWithPadding, Trainer

    calls, data_collator = [], DataCollatorWithPadding(tokenizer())

    def counted(features):
        calls.append(len(features))
        return data_collator(features)

    train_dataset = tokenized_train()[0].select(range(24))
    args = training_args(per_device_train_batch_size=8, max_steps=3)
    passed = error_of(
        Trainer(tiny_model(), args, data_collator=counted, train_dataset=train_dataset).train
    )
    return noted(
        passed is None and calls == [8, 8, 8],
        outcome=TRAINS if passed is None else str(passed),
        rows_in_each_call=calls,
    )


@section.claim(
    "hf-data-dot-collator",
    "The notes try out the collator with batch = data.collator(train_samples[:8]).",
    "This raises a NameError: the object is called data_collator, with an underscore.",
    COLLATOR,
    reviewed="corrected",
)
def data_dot_collator() -> Evidence:
    from transformers import DataCollatorWithPadding

    snippet = (
        "data_collator = DataCollatorWithPadding(tokenizer=tokenizer)\n"
        "batch = data.collator(train_samples[:8])\n"
    )
    train_samples = tokenized_train()[0].remove_columns(UNUSED)
    names = {
        "DataCollatorWithPadding": DataCollatorWithPadding,
        "tokenizer": tokenizer(),
        "train_samples": train_samples,
    }
    error = error_of(exec, snippet, dict(names))
    mended = dict(names)
    exec(snippet.replace("data.collator", "data_collator"), mended)
    return noted(error is None, error=str(error), with_an_underscore=list(mended["batch"]))


@section.claim(
    "hf-slice-of-dict",
    "train_samples[:8] still gives eight rows after train_samples has become a dict of columns.",
    "A dict can't be sliced; a Dataset can. Take the eight rows first, then make the dict.",
    HUGGING_FACE + "datasets/access",
    reviewed="corrected",
)
def slice_of_dict() -> Evidence:
    train_samples, _ = eight_samples()  # a dict of columns, as in the notes
    error = error_of(lambda: train_samples[:8])
    return noted(error is None, error=f"{type(error).__name__}: {error}")


@section.claim(
    "hf-collated-shapes",
    "The eight samples become one batch: input_ids, token_type_ids and attention_mask of 8 × 67, "
    "labels of 8.",
    "The longest of the eight has 67 tokens, and the collator pads the other seven to it. With "
    "other pairs the longest decides, too.",
    COLLATOR,
)
def collated_shapes() -> Evidence:
    from transformers import DataCollatorWithPadding

    samples, origin = eight_samples()
    data_collator = DataCollatorWithPadding(tokenizer=tokenizer())
    shapes = {name: tuple(tensor.shape) for name, tensor in data_collator(samples).items()}
    if origin != MRPC:
        return lacking(NEEDS_MRPC, shapes=shapes, data=origin)
    expected = dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), (8, 67)) | {
        "labels": (8,)
    }
    return noted(shapes == expected, shapes=shapes, data=origin)


@section.claim(
    "hf-label-becomes-labels",
    "The column label comes out of the collator as labels.",
    "DataCollatorWithPadding renames it, since the argument of the models' forward() is called "
    "labels.",
    COLLATOR,
)
def label_becomes_labels() -> Evidence:
    from transformers import DataCollatorWithPadding

    samples, _ = eight_samples()
    batch = DataCollatorWithPadding(tokenizer())(samples)
    return noted(
        "label" in samples
        and "label" not in batch
        and batch["labels"].tolist() == samples["label"],
        goes_in=list(samples),
        comes_out=list(batch),
    )


@section.claim(
    "hf-eight-images",
    "The eight images passed in are all stored in one batch.",
    "They are eight sentence pairs: the rows of input_ids decode to their text. 'Images' is a "
    "slip of the pen.",
    COLLATOR,
    reviewed="corrected",
)
def eight_images() -> Evidence:
    from transformers import DataCollatorWithPadding

    def letters(text):
        return "".join(text.lower().split())

    samples, _ = eight_samples()
    batch = DataCollatorWithPadding(tokenizer())(samples)
    decoded = tokenizer().batch_decode(batch["input_ids"], skip_special_tokens=True)
    sentences = tokenized_train()[0][:8]["sentence1"]
    are_text = [
        letters(text).startswith(letters(s)) for text, s in zip(decoded, sentences, strict=True)
    ]
    return noted(
        not any(are_text), rows_that_read_as_their_sentences=sum(are_text), first=decoded[0][:60]
    )
