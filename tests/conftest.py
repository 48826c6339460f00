"""Small real parts for every test: tiny checkpoints in a Hub cache of their own, 96 pairs as parquet, MRPC where it is.

No ordinary test waits for a Hub: the clients are told so before they are imported. tests/processes/test_sources.py and
tests/processes/test_dataset.py start fresh interpreters against tests/support/loopback_hub.py instead.
"""

import asyncio
import atexit
import gc
import json
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HF_HOME = Path(tempfile.mkdtemp(prefix="hf-home-"))
atexit.register(shutil.rmtree, HF_HOME, ignore_errors=True)
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HOME": str(HF_HOME),
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Two tests and the processes that they start share two cores, and threads of PyTorch's that wait
    # for each other burn them: a tiny run takes 0.8 s of a core with one thread, 1.3 to 2.5 with two
    "OMP_NUM_THREADS": "1",
}

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from pipeline.hub.sources import embedded_checkpoint
from pipeline.settings import LABELS, Settings
from tests.support.hub_clients import Client

ROOT = Path(__file__).parent.parent
MRPC = Path(os.environ.get("MRPC_DIR") or ROOT.parent / "shared/hub/datasets/nyu-mll/glue/mrpc")
SPLITS = {"train": 64, "validation": 16, "test": 16}
# The two cores may be busy: how long an example takes says nothing about the code.
hypothesis_settings.register_profile(
    "shared-cores",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Asked for with --hypothesis-profile=long
hypothesis_settings.register_profile(
    "long", hypothesis_settings.get_profile("shared-cores"), max_examples=2000
)
hypothesis_settings.load_profile("shared-cores")


def pytest_collection_modifyitems(items):
    """What starts processes or drives a browser is slow; a module that trains much says so itself.

    On CI a browser test that fails is tried twice more, as Playwright advises (retries on CI): a page
    on two busy cores has races of its own. The summary names each that needed it.
    """
    for item in items:
        kind = item.path.relative_to(ROOT / "tests").parts[0]
        if kind in ("processes", "browser", "gpu"):
            item.add_marker(pytest.mark.slow)
        if kind == "browser" and os.environ.get("CI"):
            item.add_marker(pytest.mark.flaky(reruns=2))


def pytest_runtest_setup(item):
    """A test of the GPU lane needs a CUDA GPU, or as many as its marker says. It alone is skipped
    for want of a part on CI too: machines with one are few, and the README's command does without.
    """
    marker = item.get_closest_marker("gpu")
    if marker is None:
        return
    import torch

    needed, found = marker.args[0] if marker.args else 1, torch.cuda.device_count()
    if found < needed:
        pytest.skip(f"CUDA GPUs needed: {needed}, here: {found}")


def pytest_collection_finish():
    """What is imported by now stays: Trainer collects garbage at the start of each run, and would
    look through all of it, 0.3 s each time.
    """
    gc.freeze()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Settings are what a test says, not what this shell happens to export."""
    for variable in ("MRPC_DIR", "RUNS_DIR", "PAIRS", "RUN_EXECUTOR", "RAY_ADDRESS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def mrpc_folder():
    """The real MRPC's parquet files; where they aren't, the test is skipped, but never in CI."""
    if not list(MRPC.glob("train*.parquet")):
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("MRPC is not here: set MRPC_DIR to the folder of its parquet files")
    return MRPC


# ---------------------------------------------------------------- pairs


def small_pairs(count, seed):
    """Label 1: the same fact in two wordings. Label 0: two facts in the same wording."""
    names = ("Acme", "Borealis", "Cobalt", "Delta", "Everest", "Fabrikam", "Globex", "Halcyon")
    rows = {"sentence1": [], "sentence2": [], "label": [], "idx": list(range(count))}
    for i in range(count):
        name, figure, label = names[(i + seed) % 8], 10 + 3 * i + seed, int(i % 3 != 0)
        rows["sentence1"].append(f"Shares of {name} rose {figure} cents on Monday .")
        rows["sentence2"].append(
            f"{name} stock was up {figure} cents Monday ."
            if label
            else f"Shares of {name} fell {figure + 7} cents on Friday ."
        )
        rows["label"].append(label)
    return rows


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    """64 / 16 / 16 pairs as MRPC's parquet files."""
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features(
        {
            "sentence1": Value("string"),
            "sentence2": Value("string"),
            "label": ClassLabel(names=list(LABELS)),
            "idx": Value("int32"),
        }
    )
    folder = tmp_path_factory.mktemp("pairs")
    for seed, (split, count) in enumerate(SPLITS.items()):
        rows = Dataset.from_dict(small_pairs(count, seed * 1000), features=features)
        rows.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture
def settings(small_folder, tmp_path):
    """Settings of the ordinary test: the small pairs, runs in a folder of its own."""
    return Settings(mrpc_folder=small_folder, runs_folder=tmp_path / "runs", data="folder")


# ---------------------------------------------------------------- tiny checkpoints

SIZES = {
    "vocab_size": 30522,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}


def tiny_checkpoint(folder, kind="bert", labels=2, head=True, seed=0, **config):
    """A random checkpoint with the embedded one's vocabulary, saved as safetensors."""
    import torch
    import transformers

    torch.manual_seed(seed)
    if kind == "distilbert":
        config |= {
            "vocab_size": 30522,
            "dim": 16,
            "n_layers": 3,
            "n_heads": 2,
            "hidden_dim": 16,
            "num_labels": labels,
        }
        model = transformers.DistilBertForSequenceClassification(
            transformers.DistilBertConfig(**config)
        )
    else:
        architecture = (
            transformers.BertForSequenceClassification if head else transformers.BertModel
        )
        model = architecture(transformers.BertConfig(**{**SIZES, "num_labels": labels, **config}))
    model.save_pretrained(folder)
    for file in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(embedded_checkpoint() / file, folder)
    if kind == "distilbert":
        values = json.loads((folder / "tokenizer_config.json").read_text())
        values |= {
            "tokenizer_class": "DistilBertTokenizer",
            "model_input_names": ["input_ids", "attention_mask"],
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(values))
    return folder


def with_few_pieces(folder, count=4000):
    """The checkpoint with the first pieces of its vocabulary alone: it is read six times as fast.

    Whole words are rarer in it, and a text has other ids than with the embedded checkpoint.
    """
    values = json.loads((folder / "tokenizer.json").read_text())
    pieces = sorted(values["model"]["vocab"], key=values["model"]["vocab"].get)[:count]
    values["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    (folder / "tokenizer.json").write_text(json.dumps(values))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
    return folder


def tiny_roberta(folder):
    """A random RoBERTa with a byte-level vocabulary of its own: <s> first </s></s> second </s>, no type ids."""
    import tokenizers
    import transformers

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bytes_and_merges = tokenizers.ByteLevelBPETokenizer()
    bytes_and_merges.train_from_iterator(
        small_pairs(64, 0)["sentence1"], vocab_size=320, special_tokens=special
    )
    bytes_and_merges.save_model(str(folder))
    transformers.RobertaTokenizer.from_pretrained(folder, model_max_length=128).save_pretrained(
        folder
    )
    config = transformers.RobertaConfig(
        **{**SIZES, "vocab_size": 320}, type_vocab_size=1, max_position_embeddings=130
    )
    transformers.RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def one_thread():
    """As the app sets it: two threads wait for each other wherever another test has a core."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def in_cache(name):
    """The folder that huggingface_hub's cache keeps for model `name`."""
    cache = HF_HOME / "hub" / f"models--{name.replace('/', '--')}"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("1" * 40)
    (cache / "snapshots" / ("1" * 40)).mkdir(parents=True)
    return cache / "snapshots" / ("1" * 40)


@pytest.fixture(scope="session")
def tiny():
    """The id of a tiny BERT with a head, as if downloaded earlier."""
    tiny_checkpoint(in_cache("tiny/bert"))
    return "tiny/bert"


@pytest.fixture(scope="session")
def tiny_headless():
    """The same for a tiny body: its head is drawn for a task's labels."""
    tiny_checkpoint(in_cache("tiny/headless"), head=False)
    return "tiny/headless"


@pytest.fixture(scope="session")
def tiny_distilbert():
    tiny_checkpoint(in_cache("tiny/distilbert"), kind="distilbert")
    return "tiny/distilbert"


@pytest.fixture(scope="session")
def tiny_roberta_id():
    tiny_roberta(in_cache("tiny/roberta"))
    return "tiny/roberta"


@pytest.fixture(scope="session")
def tokenizer():
    """The embedded checkpoint's own tokenizer."""
    from pipeline.hub.sources import EMBEDDED_CHECKPOINT
    from pipeline.tokenization import load_tokenizer

    return load_tokenizer(EMBEDDED_CHECKPOINT, settings=Settings())[0]


# ---------------------------------------------------------------- a Hub on loopback, and clients that ask it


def run_async(coroutine):
    """The coroutine's result, from a thread of its own: Playwright's loop runs in this one once a browser was used."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def hub_clients(tmp_path_factory):
    """client(number): the client of the first, second, … Hub that a test starts. They stay for all tests."""
    clients = []

    def client(number):
        while len(clients) <= number:
            clients.append(Client(tmp_path_factory.mktemp("client") / "home"))
        return clients[number]

    return client


@pytest.fixture
def loopback(hub_clients):
    """loopback(*flags) starts a Hub; its client has a fresh cache. loopback.stop() takes all of them off the net."""
    servers = []

    def start(*flags):
        client = hub_clients(len(servers))
        servers.append(client.serve(*flags))
        return client

    def stop():
        for server in servers:
            server.kill()
            server.wait()
            server.stdout.close()
        servers.clear()

    start.stop = stop
    yield start
    stop()


@pytest.fixture(scope="session")
def glue_folder(small_folder, tmp_path_factory):
    """The small pairs as the repository nyu-mll/glue has them."""
    folder = tmp_path_factory.mktemp("glue")
    shutil.copytree(small_folder, folder / "mrpc")
    files = "\n".join(f"  - split: {split}\n    path: mrpc/{split}-*" for split in SPLITS)
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: mrpc\n  data_files:\n{files}\n---\n"
    )
    return folder
