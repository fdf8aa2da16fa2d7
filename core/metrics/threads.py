"""How many threads the numbers are computed with."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

SMALL = 2**21  # 1,000 images of 2,048 features


def threads_for(values: int):
    """A context for computing on a table of so many values: one thread where it is small.

    On small matrices more threads do not help, and on a machine that is also doing something else they wait for each
    other: an eigendecomposition of 96 x 96 was seen to take 0.14 s instead of 0.0005 s.
    """
    return one_thread() if values <= SMALL else nullcontext()


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch, BLAS and OpenMP on one thread, as before afterwards."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
