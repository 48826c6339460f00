"""Notes, Hugging Face 2: Trainer and its arguments."""

import inspect
from typing import Any

import numpy as np

from layers.claims.claim import (
    HUGGING_FACE,
    TRAINS,
    WORKS,
    Evidence,
    Section,
    error_of,
    noted,
    renamed,
    which,
)
from layers.claims.materials import (
    EMBEDDED_METRIC,
    tiny_model,
    tokenized_train,
    tokenizer,
    training_args,
)

section = Section("training", "Hugging Face 2: Trainer")
TRAINER = HUGGING_FACE + "transformers/main_classes/trainer#transformers.Trainer"
ARGUMENTS = HUGGING_FACE + "transformers/main_classes/trainer#transformers.TrainingArguments"


def trains(model: Any = None, train_dataset: Any = None, **arguments: Any) -> Exception | None:
    """The exception of a Trainer run of two steps, or None where it trains."""
    from transformers import Trainer

    train_dataset = train_dataset if train_dataset is not None else tokenized_train()[0]
    return error_of(
        lambda: Trainer(
            model or tiny_model(), training_args(), train_dataset=train_dataset, **arguments
        ).train()
    )


def padded_rows(count: int = 8) -> list[dict[str, Any]]:
    """A plain list of dicts, all padded to one length."""
    rows = tokenized_train()[0].select(range(count))
    names = ("input_ids", "token_type_ids", "attention_mask")
    padded = tokenizer().pad(
        {name: rows[name][:] for name in names}, padding="max_length", max_length=128
    )
    return [
        {**{name: padded[name][i] for name in names}, "label": rows["label"][i]}
        for i in range(count)
    ]


def own_accuracy() -> Any:
    """An evaluate metric written here, since evaluate.load("accuracy") asks the Hub."""
    import datasets
    import evaluate

    class Accuracy(evaluate.Metric):
        def _info(self):
            features = datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            )
            return evaluate.MetricInfo(
                description="", citation="", inputs_description="", features=features
            )

        def _compute(self, predictions, references):
            return {"accuracy": float(np.mean(np.array(predictions) == np.array(references)))}

    return Accuracy()


@section.claim(
    "trainer-five-arguments",
    "Trainer has five basic arguments.",
    "You normally pass five: model, args, train_dataset, eval_dataset, compute_metrics, as in "
    "the notes' last snippet. The notes list two more, data_collator and the tokenizer, and call "
    "both optional. The signature requires none.",
    TRAINER,
)
def five_arguments() -> Evidence:
    from transformers import Trainer

    rows = padded_rows()
    trainer = Trainer(
        model=tiny_model(),
        args=training_args(),
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=lambda eval_pred: {"rows": len(eval_pred.predictions)},
    )
    error = error_of(trainer.train)
    evaluated = trainer.evaluate()
    parameters = inspect.signature(Trainer).parameters
    required = [
        name for name, parameter in parameters.items() if parameter.default is parameter.empty
    ]
    return noted(
        error is None and evaluated["eval_rows"] == 8,
        {"eval_rows": evaluated["eval_rows"]},
        steps_trained=trainer.state.global_step,
        required=required,
    )


@section.claim(
    "trainer-model-with-head",
    "The model has to include the part after the body, as AutoModelForSequenceClassification does.",
    "Trainer asks the model for a loss, and the head computes it from labels. A body alone "
    "(AutoModel) takes no labels and gives no loss, so Trainer stops.",
    TRAINER,
)
def model_with_head() -> Evidence:
    with_head = trains(tiny_model(head=True), padded_rows())
    without = trains(tiny_model(head=False), padded_rows())
    return noted(
        with_head is None and without is not None,
        without_head=f"{type(without).__name__}: {str(without)[:90]} …",
    )


@section.claim(
    "trainer-num-labels",
    "AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2) gives a "
    "classifier of two labels.",
    "num_labels is the number of outputs of the head: two logits for each pair. The body is read "
    "from the checkpoint and is the same each time. The checkpoint has no head, so the head is "
    "initialized at random and depends on the seed until it is trained.",
    HUGGING_FACE + "transformers/model_doc/auto#transformers.AutoModelForSequenceClassification",
)
def num_labels() -> Evidence:
    import torch
    from transformers import AutoModelForSequenceClassification

    from layers.claims.materials import checkpoint

    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        models.append(
            AutoModelForSequenceClassification.from_pretrained(checkpoint(), num_labels=2)
        )
    encoding = tokenizer()(["A cat sat."], ["A cat was sitting."], return_tensors="pt")
    shape = tuple(models[0](**encoding).logits.shape)
    body, other_body = (model.bert.state_dict() for model in models)
    same_body = all(tensor.equal(other_body[name]) for name, tensor in body.items())
    same_head = models[0].classifier.weight.equal(models[1].classifier.weight)
    return noted(
        shape == (1, 2) and same_body and not same_head,
        logits=shape,
        model=type(models[0]).__name__,
        same_body_with_another_seed=same_body,
        same_head_with_another_seed=same_head,
    )


@section.claim(
    "trainer-output-dir-required",
    "output_dir, the folder for checkpoints, is required; all other training arguments have "
    "defaults.",
    "Today output_dir has a default too: trainer_output. The others do have defaults.",
    ARGUMENTS,
    reviewed="corrected",
)
def output_dir_required() -> Evidence:
    from transformers import TrainingArguments

    parameters = inspect.signature(TrainingArguments).parameters.values()
    required = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    default = TrainingArguments(use_cpu=True).output_dir
    return noted(required == ["output_dir"], {"output_dir": default}, required=required)


@section.claim(
    "trainer-defaults-of-another-release",
    "The other hyperparameters' defaults are listed in transformers' documentation of v4.33.0.",
    "That page lists the defaults of v4.33.0. Most are the same today, but some have changed and "
    "some arguments are gone. Read the page of your own release, which transformers.__version__ "
    "tells you.",
    ARGUMENTS,
    reviewed="corrected",
)
def defaults_of_another_release() -> Evidence:
    import transformers

    v4_33 = {
        "per_device_train_batch_size": 8,
        "learning_rate": 5e-5,
        "weight_decay": 0.0,
        "num_train_epochs": 3.0,
        "max_steps": -1,
        "lr_scheduler_type": "linear",
        "warmup_ratio": 0.0,
        "warmup_steps": 0,
        "logging_steps": 500,
        "evaluation_strategy": "no",
        "save_steps": 500,
        "seed": 42,
        "optim": "adamw_torch",
        "group_by_length": False,
    }
    parameters = inspect.signature(transformers.TrainingArguments).parameters
    today = {name: parameters[name].default for name in v4_33 if name in parameters}
    same = [name for name, value in today.items() if value == v4_33[name]]
    moved = {name: f"{v4_33[name]} → {value}" for name, value in today.items() if name not in same}
    gone = [name for name in v4_33 if name not in parameters]
    return noted(
        not moved and not gone,
        installed=transformers.__version__,
        same=same,
        moved=moved,
        gone=gone,
    )


@section.claim(
    "trainer-output-dir-hyperparameter",
    "output_dir counts as a hyperparameter too.",
    "It only says where files go: training with another output_dir gives the same weights. A "
    "hyperparameter, such as the learning rate, changes the learned weights.",
    ARGUMENTS,
    reviewed="corrected",
)
def output_dir_hyperparameter() -> Evidence:
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
        {
            "same weights with another output_dir": base.equal(elsewhere),
            "same weights with another learning_rate": base.equal(faster),
        },
    )


@section.claim(
    "trainer-evaluation-strategy",
    "TrainingArguments(evaluation_strategy=…) decides how often to evaluate.",
    "The argument is called eval_strategy today; the old name is rejected.",
    ARGUMENTS,
    reviewed="outdated",
)
def evaluation_strategy() -> Evidence:
    old = error_of(training_args, evaluation_strategy="no")
    new = error_of(training_args, eval_strategy="no")
    return renamed(
        old is None,
        new is None,
        {"evaluation_strategy": str(old), "eval_strategy": WORKS if new is None else str(new)},
    )


@section.claim(
    "trainer-evaluation-values",
    "It has the values no, steps and epoch.",
    "These three are the members of transformers' IntervalStrategy; any other text is rejected.",
    ARGUMENTS,
)
def evaluation_values() -> Evidence:
    taken = [
        v
        for v in ("no", "steps", "epoch", "never", "batch")
        if error_of(training_args, eval_strategy=v) is None
    ]
    return noted(taken == ["no", "steps", "epoch"], taken=taken)


@section.claim(
    "trainer-evaluation-never",
    "no means never; the notes pass it explicitly.",
    "The same run evaluates after each step with 'steps', and never with 'no', which is the "
    "default. You can still call trainer.evaluate().",
    ARGUMENTS,
)
def evaluation_never() -> Evidence:
    from transformers import Trainer

    rows, evaluations = padded_rows(), {}
    for strategy in ("no", "steps"):
        args = training_args(eval_strategy=strategy, eval_steps=1)
        trainer = Trainer(tiny_model(), args, train_dataset=rows, eval_dataset=rows)
        trainer.train()
        evaluations[strategy] = len(
            [log for log in trainer.state.log_history if "eval_loss" in log]
        )
    return noted(
        evaluations == {"no": 0, "steps": 2},
        default=training_args().eval_strategy.value,
        evaluations_in_two_steps=evaluations,
    )


@section.claim(
    "trainer-evaluation-looks-at",
    "evaluation_strategy decides how often you look at the training results.",
    "It decides how often you look at the results on eval_dataset, on which the model doesn't "
    "train. The training loss is logged separately, every logging_steps optimizer steps; the "
    "default is 500, so a short run logs none.",
    ARGUMENTS,
    reviewed="corrected",
)
def evaluation_looks_at() -> Evidence:
    from transformers import Trainer

    rows, logged = padded_rows(16), {}
    for logging_steps in (500, 1):  # the default, and each step
        args = training_args(
            eval_strategy="steps",
            eval_steps=1,
            logging_strategy="steps",
            logging_steps=logging_steps,
        )
        trainer = Trainer(tiny_model(), args, train_dataset=rows[:8], eval_dataset=rows[8:])
        trainer.train()
        history = trainer.state.log_history
        logged[f"logging_steps={logging_steps}"] = {
            "eval_loss": len([log for log in history if "eval_loss" in log]),
            "loss": len([log for log in history if "loss" in log]),
        }
    default = training_args().logging_steps
    return noted(
        logged[f"logging_steps={default:.0f}"]["loss"] > 0,
        {"logging_steps by default": default},
        logged_in_two_steps=logged,
    )


@section.claim(
    "trainer-map-not-needed",
    "train_dataset is data already tokenized, usually with map, but it needn't be map.",
    "Trainer needs only a length and rows by number, each a dict: a plain list has both.",
    TRAINER,
)
def map_not_needed() -> Evidence:
    error = trains(train_dataset=padded_rows())
    return noted(error is None, type=type(padded_rows()).__name__, outcome=error or TRAINS)


@section.claim(
    "trainer-test-dataset",
    "Trainer takes the other dataset as test_dataset.",
    "The argument is eval_dataset, as in the notes' own last snippet. test_dataset is the "
    "argument of trainer.predict(). The next card says which split to use.",
    TRAINER,
    reviewed="corrected",
)
def test_dataset() -> Evidence:
    from transformers import Trainer

    takes = inspect.signature(Trainer).parameters
    return noted(
        "test_dataset" in takes,
        datasets=[name for name in takes if "dataset" in name],
        predict=list(inspect.signature(Trainer.predict).parameters)[1],
    )


@section.claim(
    "trainer-evaluate-on-test",
    'For evaluation during training, the notes take tokenized_datasets["test"] along with "train".',
    "Use validation for that, and test only once, at the end. A model that was chosen by its "
    "results on some rows looks better on them than it is: the best of twenty models that only "
    "guess seems to have learned something, but on new rows it still guesses.",
    "https://scikit-learn.org/stable/modules/cross_validation.html",
    reviewed="corrected",
)
def evaluate_on_test() -> Evidence:
    import torch

    chosen_by, on_new_rows = [], []
    for _ in range(200):
        labels, new_labels = torch.randint(0, 2, (2, 100))
        guesses = torch.randint(0, 2, (20, 200))  # twenty models, what each says of 200 rows
        accuracy = (guesses[:, :100] == labels).float().mean(dim=1)
        best = accuracy.argmax()
        chosen_by.append(accuracy[best])
        on_new_rows.append((guesses[best, 100:] == new_labels).float().mean())
    seems, is_so = torch.stack(chosen_by).mean().item(), torch.stack(on_new_rows).mean().item()
    return noted(
        abs(seems - is_so) < 0.02,
        accuracy_on_the_rows_it_was_chosen_by=seems,
        accuracy_on_new_rows=is_so,
    )


@section.question(
    "trainer-collator-optional",
    "Is data_collator optional, as it seems?",
    "It is optional if Trainer gets the tokenizer as processing_class: Trainer then creates a "
    "DataCollatorWithPadding itself. With neither, it uses default_data_collator, which can't "
    "pad and fails on rows of different lengths.",
    TRAINER,
)
def collator_optional() -> Evidence:
    from transformers import Trainer

    neither, with_tokenizer = trains(), trains(processing_class=tokenizer())
    chosen = Trainer(tiny_model(), training_args(), processing_class=tokenizer()).data_collator
    return which(
        {
            "never required": neither is None and with_tokenizer is None,
            "not required if the tokenizer is given": neither is not None
            and with_tokenizer is None,
            "always required": with_tokenizer is not None,
        },
        with_neither=str(neither)[:80],
        with_the_tokenizer=type(chosen).__name__,
    )


@section.claim(
    "trainer-load-metric",
    'from datasets import load_metric; load_metric("glue", "mrpc") loads the metric that belongs '
    "to the dataset.",
    'load_metric is gone from datasets. Use evaluate.load("glue", "mrpc") today.',
    HUGGING_FACE + "evaluate/package_reference/loading_methods#evaluate.load",
    reviewed="outdated",
)
def load_metric() -> Evidence:
    import datasets
    import evaluate

    metric = evaluate.load(
        EMBEDDED_METRIC
    )  # GLUE's for MRPC as a local module: the Hub isn't asked here
    computed = metric.compute(predictions=[1, 1, 0, 1], references=[1, 1, 1, 0])
    return renamed(
        hasattr(datasets, "load_metric"),
        computed == {"accuracy": 0.5, "f1": 2 / 3},
        {"datasets.load_metric": hasattr(datasets, "load_metric"), "evaluate.load": computed},
    )


@section.claim(
    "trainer-metric-typo",
    'metric = evaluate.load("accuracy"), then metirc = load_metric("glue", "mrpc"): now MRPC\'s '
    "own metric is used.",
    "metirc is a second variable. compute_metrics still uses metric, so only accuracy is "
    "reported and F1 never appears, without any warning.",
    HUGGING_FACE + "transformers/training",
    reviewed="corrected",
)
def metric_typo() -> Evidence:
    import evaluate

    snippet = (
        "metric = load_accuracy()\n"
        "metirc = load_mrpc()\n"
        "def compute_metrics(eval_pred):\n"
        "    logits, labels = eval_pred\n"
        "    predictions = np.argmax(logits, axis=-1)\n"
        "    return metric.compute(predictions=predictions, references=labels)\n"
    )
    names = {
        "np": np,
        "load_accuracy": own_accuracy,
        "load_mrpc": lambda: evaluate.load(EMBEDDED_METRIC),
    }
    exec(snippet, names)
    logits, labels = np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1])
    as_written = names["compute_metrics"]((logits, labels))
    names["metric"] = names["metirc"]  # the typo mended
    mended = names["compute_metrics"]((logits, labels))
    return noted("f1" in as_written, as_written=as_written, mended=mended)


@section.claim(
    "trainer-own-metric",
    "You can choose the metric yourself, with metric.compute(predictions=…, references=…).",
    "Trainer reports the results of compute_metrics: from a metric of evaluate, your own "
    "evaluate.Metric, or plain Python. (The notes call evaluate.load('accuracy') self-defined; "
    "it is ready-made and comes from the Hub.)",
    HUGGING_FACE + "evaluate/creating_and_sharing",
)
def own_metric() -> Evidence:
    from transformers import Trainer

    def compute_metrics(eval_pred):
        logits, labels = eval_pred
        predictions = np.argmax(logits, axis=-1)
        by_evaluate = own_accuracy().compute(predictions=predictions, references=labels)
        return {**by_evaluate, "fraction_equivalent": float(predictions.mean())}

    trainer = Trainer(
        tiny_model(), training_args(), eval_dataset=padded_rows(), compute_metrics=compute_metrics
    )
    metrics = trainer.evaluate()
    return noted(
        {"eval_accuracy", "eval_fraction_equivalent"} <= metrics.keys(),
        {
            "eval_accuracy": metrics["eval_accuracy"],
            "eval_fraction_equivalent": metrics["eval_fraction_equivalent"],
        },
    )


@section.claim(
    "trainer-compute-metrics",
    "compute_metrics: unpack eval_pred into logits and labels, take argmax over the last axis, "
    "compute the metric.",
    "Trainer collects the logits of all rows, in the shape (rows, labels), and the largest logit "
    "of a row is its prediction. Each name that the function returns gets the prefix eval_.",
    HUGGING_FACE + "transformers/training",
)
def compute_metrics_form() -> Evidence:
    from transformers import Trainer

    shapes = {}

    def compute_metrics(eval_pred):
        logits, labels = eval_pred
        predictions = np.argmax(logits, axis=-1)
        shapes.update(logits=logits.shape, labels=labels.shape, predictions=predictions.shape)
        return {"accuracy": float((predictions == labels).mean())}

    trainer = Trainer(
        tiny_model(), training_args(), eval_dataset=padded_rows(), compute_metrics=compute_metrics
    )
    metrics = trainer.evaluate()
    return noted(
        shapes["logits"] == (8, 2)
        and shapes["predictions"] == shapes["labels"] == (8,)
        and "eval_accuracy" in metrics,
        {"eval_accuracy": metrics["eval_accuracy"]},
        shapes=shapes,
    )


@section.claim(
    "trainer-tokenizer-argument",
    "Trainer has an argument tokenizer.",
    "It is called processing_class today; tokenizer is rejected.",
    TRAINER,
    reviewed="outdated",
)
def tokenizer_argument() -> Evidence:
    from transformers import Trainer

    old = error_of(lambda: Trainer(tiny_model(), training_args(), tokenizer=tokenizer()))
    new = error_of(lambda: Trainer(tiny_model(), training_args(), processing_class=tokenizer()))
    return renamed(
        old is None,
        new is None,
        {
            "Trainer(tokenizer=…)": str(old),
            "Trainer(processing_class=…)": WORKS if new is None else str(new),
        },
    )


@section.claim(
    "trainer-tokenizer-optional",
    "The tokenizer is optional for Trainer.",
    "Trainer uses it only to create a padding collator, and to save it with the checkpoint. If "
    "the rows are already padded, or a data_collator is given, Trainer works without it.",
    TRAINER,
)
def tokenizer_optional() -> Evidence:
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
    "Training is very simple: Trainer(model, args, train_dataset, eval_dataset, "
    "compute_metrics), then trainer.train(), on the rows from the notes' tokenize_function.",
    "On rows of different lengths this call fails. One more argument fixes it: "
    "processing_class=tokenizer, or data_collator=data_collator.",
    HUGGING_FACE + "transformers/training",
    reviewed="corrected",
)
def very_simple() -> Evidence:
    rows, _ = tokenized_train()
    as_in_the_notes = trains(
        train_dataset=rows, eval_dataset=rows, compute_metrics=lambda eval_pred: {}
    )
    mended = trains(
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=lambda eval_pred: {},
        processing_class=tokenizer(),
    )
    return noted(
        as_in_the_notes is None,
        {"with processing_class": mended or TRAINS},
        error=str(as_in_the_notes)[:90],
    )
