"""What a process that opens a stranger's checkpoint gives up before it does.

Four layers, each without privileges: an environment of known names; limits of the operating
system (memory, processor time, files); Landlock for paths and TCP, or where the kernel hasn't it
an audit hook of Python's that looks at each path; and always a hook that refuses connections and
new processes.
"""

import contextlib
import os
import re
import site
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.isolation import landlock

ROOT = Path(__file__).resolve().parent.parent.parent
# The variables that Python, the libraries and this app read. No other one is handed to a process
# that opens checkpoints or trains, whatever a host keeps in its environment.
KEPT_VARIABLES = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|LD_LIBRARY_PATH"
    r"|PYTHON\w*|VIRTUAL_ENV|XDG_CACHE_HOME|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|(?:HTTPS?|NO|ALL)_PROXY|(?:https?|no|all)_proxy"
    r"|(?:OMP|KMP|MKL|OPENBLAS|GOTO|ONEDNN|DNNL|TORCH|PYTORCH|ACCELERATE|CUDA|NVIDIA|NCCL|GLOO)_\w+"
    r"|HF_(?:HOME|ENDPOINT|HUB_\w+|DATASETS_\w+|EVALUATE_\w+|MODULES_CACHE)|TRANSFORMERS_\w+"
    r"|TOKENIZERS_PARALLELISM|RUNS_DIR|MRPC_DIR|PAIRS|SPACES_ZERO_GPU|CI"
)
SECRET_WORDS = re.compile(r"TOKEN(?!IZERS)|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY")
# What a library reads of the machine: its processors and memory, the linker's list, time zones.
# All of /proc would hold the environments of other processes.
SYSTEM = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system",
    "/sys/fs/cgroup",
)
NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
)
GPU = (
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia0",
    "/proc/driver/nvidia",
    "/proc/self/maps",
    "/sys/bus/pci",
    "/sys/class",
)


@dataclass(frozen=True)
class Limits:
    """What a confined process may use, in bytes. Processor time is limited for each request:
    `limit_cpu`.
    """

    memory_bytes: int  # beyond what it has mapped when it is confined
    file_bytes: int  # the largest file that it may write
    open_files: int = 256


def clean_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of `environment` (default: this process's) that a child may have.

    >>> clean_environment({"PATH": "/bin", "HF_TOKEN": "hf_x", "DATABASE_URL": "x", "LC_ALL": "C"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    given = os.environ if environment is None else environment
    return {
        name: value
        for name, value in given.items()
        if KEPT_VARIABLES.fullmatch(name) and not SECRET_WORDS.search(name)
    }


def confine(
    readable: Iterable[Path], writable: Iterable[Path], limits: Limits, network: bool = False
) -> bool:
    """Give up everything but these folders, the installed packages and `limits`, for good.

    Must be called by the thread that will do the work, before it starts others: Landlock holds
    for a thread and those that it starts. Returns whether Landlock holds it, or else the audit
    hook, which sees only what Python itself opens.
    """
    readable, writable = [Path(path) for path in readable], [Path(path) for path in writable]
    system = [
        *SYSTEM,
        *(NETWORK if network else ()),
        *(GPU if os.path.exists("/dev/nvidiactl") else ()),
    ]
    readable = [*readable, *map(Path, system), *installed_packages()]
    _empty_environment()
    _limit(limits)  # reads /proc, which is out of reach afterwards
    held = landlock.restrict(
        readable, writable, [ROOT, *map(Path, filter(None, sys.path))], network
    )
    if not network:
        sys.addaudithook(_no_connections)
    sys.addaudithook(_no_processes)
    if not held:
        sys.addaudithook(_only_below([*readable, *writable], writable))
    return held


def installed_packages() -> list[Path]:
    """The folders from which Python and this app import."""
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    folders |= set(sysconfig.get_paths().values()) | set(site.getsitepackages())
    folders |= {
        entry for entry in sys.path if entry and Path(entry).resolve() not in (ROOT, Path.cwd())
    }
    folders.add(site.getusersitepackages())
    # Of the app itself only what is code: a host may keep other files beside it
    own = [ROOT / name for name in ("pipeline", "languages", "layers", "recipes", "tests")]
    found = [Path(folder).resolve() for folder in folders if os.path.exists(folder)]
    return [*(folder for folder in found if folder not in (Path("/"), Path("/usr"))), *own]


def cpu_seconds_used() -> float:
    """Processor time of this process so far, of all its threads."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def limit_cpu(seconds: float) -> None:
    """The kernel ends this process once it has used so many seconds more of processor time."""
    import resource

    most = int(cpu_seconds_used() + seconds) + 1
    _set_limit(resource.RLIMIT_CPU, most, resource.RLIM_INFINITY)


def _limit(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    mapped = _mapped_bytes()
    if mapped:
        _set_limit(resource.RLIMIT_AS, mapped + limits.memory_bytes)
    _set_limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set_limit(resource.RLIMIT_NOFILE, limits.open_files)
    _set_limit(resource.RLIMIT_CORE, 0)


def _set_limit(which: int, soft: int, hard: int | None = None) -> None:
    """The limit, or the lower one that this process has already."""
    import resource

    _, highest = resource.getrlimit(which)
    hard = soft if hard is None else hard
    if highest != resource.RLIM_INFINITY:
        hard = highest if hard == resource.RLIM_INFINITY else min(hard, highest)
        soft = min(soft, highest)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses some of them
        resource.setrlimit(which, (soft, hard))


def _mapped_bytes() -> int:
    """The virtual memory of this process; 0 where the system doesn't tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _empty_environment() -> None:
    kept = clean_environment()
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    # Temporary files go where this process may write, and huggingface_hub reads no token's file
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"


# ---------------------------------------------------------------- the audit hook

STARTS_A_PROCESS = (
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "os.startfile",
    "os.kill",
    "os.killpg",
)
# Which of an event's arguments are paths
USES_PATHS = {
    "open": 1,
    "os.listdir": 1,
    "os.scandir": 1,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.rename": 2,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.link": 2,
    "os.symlink": 2,
}
CHANGES = frozenset(USES_PATHS) - {"open", "os.listdir", "os.scandir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


# https://docs.python.org/3/library/audit_events.html. A hook can't be taken out again.


def _no_processes(event: str, arguments: tuple) -> None:
    if event in STARTS_A_PROCESS:
        raise PermissionError(f"{event} is not allowed in a process that opens a checkpoint")


def _no_connections(event: str, arguments: tuple) -> None:
    if event.startswith("socket."):
        raise PermissionError(f"{event} is not allowed in a process that opens a checkpoint")


def _only_below(allowed: list[Path], writable: list[Path]) -> Callable[[str, tuple], None]:
    """A hook that refuses paths elsewhere. It doesn't see what native code opens."""
    to_read, to_write = _prefixes(allowed), _prefixes(writable)
    listable = {str(ROOT), os.getcwd(), *map(os.path.realpath, sys.path)}

    def hook(event: str, arguments: tuple) -> None:
        changes = event in CHANGES or (event == "open" and bool((arguments[2] or 0) & WRITING))
        for path in arguments[: USES_PATHS.get(event, 0)]:
            if not isinstance(path, str | bytes | os.PathLike):  # a descriptor, opened before
                continue
            real = os.path.realpath(os.fsdecode(path))
            if f"{real}/".startswith(to_write if changes else to_read) or real == os.devnull:
                continue
            if event in ("os.listdir", "os.scandir") and real in listable:
                continue
            raise PermissionError(f"{event} outside of the checkpoint's folder: {real}")

    return hook


def _prefixes(paths: list[Path]) -> tuple[str, ...]:
    return tuple(os.path.realpath(path) + "/" for path in paths)


def use_for_temporary_files(folder: Path) -> None:
    """`tempfile`, and what reads TMPDIR, make their files there from now on."""
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
