import threading

import torch

from layers.chance import alone, seeded


def drawn(seed):
    with seeded(seed):
        return torch.rand(3)


def test_who_draws_with_the_seed_is_alone():
    expected, seen = {seed: drawn(seed) for seed in range(8)}, []
    before = torch.random.get_rng_state()
    threads = [
        threading.Thread(target=lambda seed=seed: seen.append((seed, drawn(seed))))
        for seed in [*range(8)] * 20
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(seen) == 160 and all(torch.equal(numbers, expected[seed]) for seed, numbers in seen)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_waits_for_who_sets_the_seed_elsewhere():
    with alone:
        other = threading.Thread(target=drawn, args=(1,))
        other.start()
        other.join(0.2)
        assert other.is_alive()
    other.join(5)
    assert not other.is_alive()
