"""Notes, Hugging Face 2: Trainer and its arguments."""

import inspect

import numpy as np

from layers.claims.claim import HUGGING_FACE, TRAINS, WORKS, Section, error_of, noted, renamed, which
from layers.claims.materials import EMBEDDED_METRIC, tiny_model, tokenized_train, tokenizer, training_args

section = Section("training", "Hugging Face 2: Trainer")
TRAINER = HUGGING_FACE + "transformers/main_classes/trainer#transformers.Trainer"
ARGUMENTS = HUGGING_FACE + "transformers/main_classes/trainer#transformers.TrainingArguments"


def trains(model=None, train_dataset=None, **arguments):
    """The exception of a Trainer run of two steps, or None where it trains."""
    from transformers import Trainer

    train_dataset = train_dataset if train_dataset is not None else tokenized_train()[0]
    return error_of(
        lambda: Trainer(model or tiny_model(), training_args(), train_dataset=train_dataset, **arguments).train()
    )


def padded_rows(count=8):
    """A plain list of dicts, all padded to one length."""
    rows = tokenized_train()[0].select(range(count))
    names = ("input_ids", "token_type_ids", "attention_mask")
    padded = tokenizer().pad({name: rows[name][:] for name in names}, padding="max_length", max_length=128)
    return [{**{name: padded[name][i] for name in names}, "label": rows["label"][i]} for i in range(count)]


def own_accuracy():
    """An evaluate metric written here, since evaluate.load("accuracy") asks the Hub."""
    import datasets
    import evaluate

    class Accuracy(evaluate.Metric):
        def _info(self):
            features = datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            )
            return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

        def _compute(self, predictions, references):
            return {"accuracy": float(np.mean(np.array(predictions) == np.array(references)))}

    return Accuracy()


@section.claim(
    "trainer-five-arguments",
    "Trainer has five basic arguments.",
    "The notes go on to list seven: model, args, train_dataset, the other dataset, data_collator, compute_metrics and "
    "the tokenizer. Trainer has them all, and more; its signature requires none of them.",
    TRAINER,
    reviewed="corrected",
)
def five_arguments():
    from transformers import Trainer

    listed = ["model", "args", "train_dataset", "eval_dataset", "data_collator", "compute_metrics", "processing_class"]
    parameters = inspect.signature(Trainer).parameters
    there = [name for name in listed if name in parameters]
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    return noted(len(there) == 5, listed_by_todays_names=there, required=required)


@section.claim(
    "trainer-model-with-head",
    "The model has to include the part after the body, as AutoModelForSequenceClassification does.",
    "So it has: a body alone (AutoModel) has no labels and no loss, and Trainer stops.",
    TRAINER,
)
def model_with_head():
    with_head = trains(tiny_model(head=True), padded_rows())
    without = trains(tiny_model(head=False), padded_rows())
    return noted(
        with_head is None and without is not None, without_head=f"{type(without).__name__}: {str(without)[:90]} …"
    )


@section.claim(
    "trainer-num-labels",
    "AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2) gives a classifier of two labels.",
    "So it does: two logits for each pair. The head is new and random until trained.",
    HUGGING_FACE + "transformers/model_doc/auto#transformers.AutoModelForSequenceClassification",
)
def num_labels():
    from transformers import AutoModelForSequenceClassification

    from layers.claims.materials import checkpoint

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint(), num_labels=2)
    encoding = tokenizer()(["A cat sat."], ["A cat was sitting."], return_tensors="pt")
    return noted(model(**encoding).logits.shape == (1, 2), model=type(model).__name__, head=str(model.classifier))


@section.claim(
    "trainer-output-dir-required",
    "output_dir, where checkpoints go, has to be given; all other training arguments have defaults.",
    "Today it has one as well: trainer_output. The others do have defaults.",
    ARGUMENTS,
    reviewed="corrected",
)
def output_dir_required():
    from transformers import TrainingArguments

    parameters = inspect.signature(TrainingArguments).parameters.values()
    required = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    return noted(required == ["output_dir"], required=required, output_dir=TrainingArguments(use_cpu=True).output_dir)


@section.claim(
    "trainer-output-dir-hyperparameter",
    "output_dir counts as a hyperparameter too.",
    "It only says where files go: with another output_dir training ends at the same weights. A hyperparameter, such as "
    "the learning rate, changes what is learned.",
    ARGUMENTS,
    reviewed="corrected",
)
def output_dir_hyperparameter():
    import tempfile

    import torch
    from transformers import Trainer

    def learned(**arguments):
        torch.manual_seed(0)  # the same start; the order of rows is the training arguments' seed
        model = tiny_model()
        Trainer(model, training_args(**arguments), train_dataset=padded_rows()).train()
        return model.classifier.weight.detach()  # (2, hidden_size)

    with tempfile.TemporaryDirectory() as folder:
        base, elsewhere, faster = learned(), learned(output_dir=folder), learned(learning_rate=1e-2)
    return noted(
        not base.equal(elsewhere),
        same_weights_with_another_output_dir=base.equal(elsewhere),
        same_weights_with_another_learning_rate=base.equal(faster),
    )


@section.claim(
    "trainer-evaluation-strategy",
    "TrainingArguments(evaluation_strategy=…) says how often to evaluate.",
    "The argument is called eval_strategy today; the old name is refused.",
    ARGUMENTS,
    reviewed="outdated",
)
def evaluation_strategy():
    old = error_of(training_args, evaluation_strategy="no")
    new = error_of(training_args, eval_strategy="no")
    return renamed(
        old is None, new is None, evaluation_strategy=str(old), eval_strategy=WORKS if new is None else str(new)
    )


@section.claim(
    "trainer-evaluation-values",
    "It has the values no, steps and epoch.",
    "So it has, and no other.",
    ARGUMENTS,
)
def evaluation_values():
    taken = [v for v in ("no", "steps", "epoch", "never", "batch") if error_of(training_args, eval_strategy=v) is None]
    return noted(taken == ["no", "steps", "epoch"], taken=taken)


@section.claim(
    "trainer-evaluation-never",
    "no means never, which the notes pass explicitly.",
    "So it does, and it is the default. trainer.evaluate() can still be called.",
    ARGUMENTS,
)
def evaluation_never():
    from transformers import Trainer

    default = training_args().eval_strategy.value
    rows = padded_rows()
    trainer = Trainer(tiny_model(), training_args(eval_strategy="no"), train_dataset=rows, eval_dataset=rows)
    trainer.train()
    evaluated = [log for log in trainer.state.log_history if "eval_loss" in log]
    return noted(not evaluated, default=default, evaluations_in_training=len(evaluated))


@section.claim(
    "trainer-map-not-needed",
    "train_dataset is data already tokenized, usually with map, but it needn't be map.",
    "So it is: any dataset of dicts will do, even a plain list.",
    TRAINER,
)
def map_not_needed():
    error = trains(train_dataset=padded_rows())
    return noted(error is None, type=type(padded_rows()).__name__, outcome=error or TRAINS)


@section.claim(
    "trainer-test-dataset",
    "Trainer takes the other dataset as test_dataset.",
    "As eval_dataset (as the notes' own last snippet has it). test_dataset is the argument of trainer.predict().",
    TRAINER,
    reviewed="corrected",
)
def test_dataset():
    from transformers import Trainer

    takes = inspect.signature(Trainer).parameters
    return noted(
        "test_dataset" in takes,
        datasets=[name for name in takes if "dataset" in name],
        predict=list(inspect.signature(Trainer.predict).parameters)[1],
    )  # fmt: skip


@section.question(
    "trainer-collator-optional",
    "data_collator: it seems not to be required?",
    "Not where Trainer gets the tokenizer as processing_class: it then makes a DataCollatorWithPadding itself. "
    "With neither it takes default_data_collator, which can't pad, and rows of different lengths stop it.",
    TRAINER,
)
def collator_optional():
    from transformers import Trainer

    neither, with_tokenizer = trains(), trains(processing_class=tokenizer())
    chosen = Trainer(tiny_model(), training_args(), processing_class=tokenizer()).data_collator
    return which(
        {"never required": neither is None and with_tokenizer is None,
         "not required if the tokenizer is given": neither is not None and with_tokenizer is None,
         "always required": with_tokenizer is not None},
        with_neither=str(neither)[:80], with_the_tokenizer=type(chosen).__name__,
    )  # fmt: skip


@section.claim(
    "trainer-load-metric",
    'from datasets import load_metric; load_metric("glue", "mrpc") loads the metric that belongs to the dataset.',
    'load_metric is gone from datasets. Today: evaluate.load("glue", "mrpc").',
    HUGGING_FACE + "evaluate/package_reference/loading_methods#evaluate.load",
    reviewed="outdated",
)
def load_metric():
    import datasets
    import evaluate

    metric = evaluate.load(EMBEDDED_METRIC)  # GLUE's for MRPC as a local module: the Hub isn't asked here
    computed = metric.compute(predictions=[1, 1, 0, 1], references=[1, 1, 1, 0])
    return renamed(
        hasattr(datasets, "load_metric"), computed == {"accuracy": 0.5, "f1": 2 / 3},
        in_datasets=hasattr(datasets, "load_metric"), evaluate_load=computed,
    )  # fmt: skip


@section.claim(
    "trainer-metric-typo",
    'metric = evaluate.load("accuracy"), then metirc = load_metric("glue", "mrpc"): now MRPC\'s own metric is used.',
    "metirc is a second variable. compute_metrics still uses metric, so accuracy alone is reported and F1 never "
    "appears; nothing warns.",
    HUGGING_FACE + "transformers/training",
    reviewed="corrected",
)
def metric_typo():
    import evaluate

    snippet = (
        "metric = load_accuracy()\n"
        "metirc = load_mrpc()\n"
        "def compute_metrics(eval_pred):\n"
        "    logits, labels = eval_pred\n"
        "    predictions = np.argmax(logits, axis=-1)\n"
        "    return metric.compute(predictions=predictions, references=labels)\n"
    )
    names = {"np": np, "load_accuracy": own_accuracy, "load_mrpc": lambda: evaluate.load(EMBEDDED_METRIC)}
    exec(snippet, names)
    logits, labels = np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1])
    as_written = names["compute_metrics"]((logits, labels))
    names["metric"] = names["metirc"]  # the typo mended
    mended = names["compute_metrics"]((logits, labels))
    return noted("f1" in as_written, as_written=as_written, mended=mended)


@section.claim(
    "trainer-own-metric",
    "The metric can be one of one's own choice, with metric.compute(predictions=…, references=…).",
    "So it can: any evaluate metric, or plain Python. (evaluate.load('accuracy') asks the Hub; "
    "here is one of our own.)",
    HUGGING_FACE + "evaluate/creating_and_sharing",
)
def own_metric():
    result = own_accuracy().compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 0])
    return noted(result == {"accuracy": 0.75}, result=result)


@section.claim(
    "trainer-compute-metrics",
    "compute_metrics: unpack eval_pred into logits and labels, take argmax over the last axis, compute the metric.",
    "So it is; what it returns comes back with eval_ before each name.",
    HUGGING_FACE + "transformers/training",
)
def compute_metrics_form():
    from transformers import Trainer

    shapes = {}

    def compute_metrics(eval_pred):
        logits, labels = eval_pred
        predictions = np.argmax(logits, axis=-1)
        shapes.update(logits=logits.shape, labels=labels.shape, predictions=predictions.shape)
        return {"accuracy": float((predictions == labels).mean())}

    trainer = Trainer(tiny_model(), training_args(), eval_dataset=padded_rows(), compute_metrics=compute_metrics)
    metrics = trainer.evaluate()
    return noted(
        shapes["logits"] == (8, 2) and shapes["predictions"] == shapes["labels"] == (8,) and "eval_accuracy" in metrics,
        eval_accuracy=metrics["eval_accuracy"], **shapes,
    )  # fmt: skip


@section.claim(
    "trainer-tokenizer-argument",
    "Trainer has an argument tokenizer.",
    "It is called processing_class today; tokenizer is refused.",
    TRAINER,
    reviewed="outdated",
)
def tokenizer_argument():
    from transformers import Trainer

    old = error_of(lambda: Trainer(tiny_model(), training_args(), tokenizer=tokenizer()))
    new = error_of(lambda: Trainer(tiny_model(), training_args(), processing_class=tokenizer()))
    return renamed(old is None, new is None, tokenizer=str(old), processing_class=WORKS if new is None else str(new))


@section.claim(
    "trainer-tokenizer-optional",
    "The tokenizer is optional for Trainer.",
    "So it is, as long as rows are padded already or a data_collator is given; it is also saved with the checkpoint.",
    TRAINER,
)
def tokenizer_optional():
    from transformers import DataCollatorWithPadding

    padded = trains(train_dataset=padded_rows())
    with_collator = trains(data_collator=DataCollatorWithPadding(tokenizer()))
    return noted(
        padded is None and with_collator is None,
        padded_rows=padded or TRAINS,
        with_collator=with_collator or TRAINS,
    )


@section.claim(
    "trainer-very-simple",
    "Training is very simple: Trainer(model, args, train_dataset, eval_dataset, compute_metrics), then "
    "trainer.train(), on what the notes' tokenize_function made.",
    "On rows of different lengths this call fails. One more argument mends it: processing_class=tokenizer, "
    "or data_collator=data_collator.",
    HUGGING_FACE + "transformers/training",
    reviewed="corrected",
)
def very_simple():
    rows, _ = tokenized_train()
    as_in_the_notes = trains(train_dataset=rows, eval_dataset=rows, compute_metrics=lambda eval_pred: {})
    mended = trains(
        train_dataset=rows, eval_dataset=rows, compute_metrics=lambda eval_pred: {}, processing_class=tokenizer()
    )
    return noted(as_in_the_notes is None, error=str(as_in_the_notes)[:90], with_processing_class=mended or TRAINS)
