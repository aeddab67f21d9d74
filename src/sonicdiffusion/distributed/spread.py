"""Items of work spread over workers by Ray Data; a worker that dies loses nothing but time."""

import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sonicdiffusion.errors import ConfigError

Work = Callable[[Any], Any]


class _Worker:
    """What one Ray actor does: it gets ready once, then works on items."""

    def __init__(self, make_work: Callable[[], Work]) -> None:
        self._work = make_work()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        self._work(pickle.loads(row["item"]))
        return {"number": row["number"]}


def spread(
    items: Sequence[Any], make_work: Callable[[], Work], num_workers: int, num_gpus: float = 0.0
) -> Iterator[int]:
    """Have every item worked on by some worker, yielding the number of each that is done, in any order.

    An item whose worker dies is given to another one, so that what is done for it must be the same done twice: a file
    written whole or not at all. The cluster is that of the environment variable RAY_ADDRESS; without it, processes of
    this machine.

    Args:
        items: picklable.
        make_work: called once in each worker; returns what is called with each item. Picklable.
        num_workers: workers at once.
        num_gpus: GPUs for each.

    Raises:
        ConfigError: if Ray is not installed, or num_workers is below 1.
    """
    if num_workers < 1:
        raise ConfigError(f"A cluster needs at least 1 worker; got {num_workers}.")
    if not find_spec("ray"):
        raise ConfigError("Spreading work needs Ray. Install it: pip install 'sonicdiffusion[distributed]'.")
    ray: Any = import_module("ray")
    import_module("ray.data")

    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = [{"number": number, "item": pickle.dumps(item)} for number, item in enumerate(items)]
    work = ray.data.from_items(rows, override_num_blocks=max(1, len(rows))).map(
        _Worker,
        fn_constructor_args=(make_work,),
        compute=ray.data.ActorPoolStrategy(size=min(num_workers, max(1, len(rows)))),
        num_cpus=1,
        num_gpus=num_gpus or None,
    )
    for row in work.iter_rows():
        yield int(row["number"])
