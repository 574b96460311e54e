"""All rows that a list has, page after page, for work that is done in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from reflex_drf.backends import Call, Reply
from reflex_drf.backends.inprocess import without_throttles
from reflex_drf.state.addresses import Wanted

__all__ = ["every_page"]


def every_page(state: Any, run: Callable[[Call], Reply], wanted: Wanted) -> Iterator[Reply]:
    """Read a list from its first page to its last, or to the first that is refused.

    One question to the viewer's throttles, however many pages its answer has.
    """
    plan = state._plan
    size = (plan.query.max_size or plan.options.max_page_size) if plan.query.size_param else 0
    wanted = replace(wanted, page=1, position={}, size=size)
    call = state._list_call(wanted)
    while True:
        reply = run(call)
        yield reply
        step = plan.query.step_params(reply.page, True) if reply.ok else None
        if step is None:
            return
        if plan.query.has_numbers:
            wanted = replace(wanted, page=wanted.page + 1)
        else:
            wanted = replace(wanted, position=step)
        call = unthrottled(state._list_call(wanted))


def unthrottled(call: Call) -> Call:
    """Leave a call out of the viewer's budget, where it runs in this process."""
    prepare = call.prepare
    if prepare is None:
        return call

    def prepare_unthrottled(view: Any) -> Any:
        without_throttles(view)
        return prepare(view)

    return replace(call, prepare=prepare_unthrottled)
