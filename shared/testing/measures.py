"""What a test reads of metrics: how far a count has moved, and what a level is."""

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, Metric


def count(metric: str, /, **labels: str) -> float:
    """A sample of this process, such as `messaging_published_total`; 0 where it was never counted."""
    return REGISTRY.get_sample_value(metric, labels) or 0


def moving(metric: str, /, **labels: str) -> Callable[[], float]:
    """How far that count has moved since, whenever it is asked."""
    before = count(metric, **labels)
    return lambda: count(metric, **labels) - before


def level(families: Iterable[Metric], metric: str, /, **labels: str) -> float:
    """The one sample of that name and these labels. Raises ValueError where there is none, or more than one."""
    (found,) = (
        sample.value
        for family in families
        for sample in family.samples
        if (sample.name, sample.labels) == (metric, labels)
    )
    return found
