"""Celery's consumer, less what it would build for tasks that are to run later, of which there are none."""

from celery.worker.consumer import Consumer as _Consumer


class Consumer(_Consumer):
    """Where the task queue is a quorum queue, Celery declares 28 more of them and as many exchanges for delays."""

    class Blueprint(_Consumer.Blueprint):  # type: ignore[misc, valid-type]  # Celery has no types
        default_steps = tuple(step for step in _Consumer.Blueprint.default_steps if "delayed_delivery" not in step)
