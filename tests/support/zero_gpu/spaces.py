"""A stand-in for the package `spaces` on ZeroGPU, as far as it matters here: what is decorated runs in a daemon forked
from the server, arguments and results are pickled, the daemon may start no process, and a call ends after `duration`.
"""

import multiprocessing
import pickle
import time

decorated = []


def GPU(duration):
    def decorate(task):
        decorated.append(task.__name__)

        def call(*arguments):
            fork = multiprocessing.get_context("fork")
            given, results = pickle.dumps(arguments), fork.Queue()

            def work():
                for result in task(*pickle.loads(given)):
                    results.put(pickle.dumps(result))
                results.put(None)

            process = fork.Process(target=work, daemon=True)
            process.start()
            until = time.monotonic() + duration
            while True:
                try:
                    result = results.get(timeout=0.2)
                except Exception:
                    if time.monotonic() > until:
                        process.kill()
                        raise RuntimeError("GPU task aborted") from None
                    if not process.is_alive() and results.empty():
                        raise RuntimeError("ZeroGPU worker error") from None
                    continue
                if result is None:
                    return
                yield pickle.loads(result)

        return call

    return decorate
