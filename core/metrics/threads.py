"""How many threads the numbers are computed with."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

SMALL = 2**21  # 1,000 images of 2,048 features
_limited = ContextVar("limited to one thread", default=False)


def threads_for(values: int):
    """A context for computing on a table of so many values: one thread where it is small.

    On small matrices more threads do not help, and on a machine that is also doing something else they wait for each
    other: an eigendecomposition of 96 x 96 was seen to take 0.14 s instead of 0.0005 s.
    """
    return one_thread() if values <= SMALL else nullcontext()


@contextmanager
def shared_out() -> Iterator[Callable]:
    """A `map` that gives each of the items to one of as many threads as torch may use, each of which computes on one
    thread. What comes out depends on how the work is cut into items, never on how many threads there are."""
    import torch

    threads = torch.get_num_threads()
    with one_thread():
        if threads == 1:
            yield map
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool.map


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch, BLAS and OpenMP on one thread, as before afterwards. Inside itself it does nothing: to find the libraries
    takes some 5 ms, as long as many a fit."""
    import scipy.linalg  # noqa: F401  its BLAS must be loaded to be found
    import torch
    from threadpoolctl import threadpool_limits

    if _limited.get():
        yield
        return
    before, token = torch.get_num_threads(), _limited.set(True)
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
        _limited.reset(token)
