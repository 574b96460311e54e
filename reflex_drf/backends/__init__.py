"""What a state asks of a DRF view and what it gets back, whichever way the call travels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.views import APIView

    from reflex_drf.backends.watching import Dependencies
    from reflex_drf.errors import ErrorReport

__all__ = ["Backend", "Call", "Page", "Reply", "answer_watchers"]

# Called with the request of each call in process once its response is there, in the call's thread.
answer_watchers: list[Callable[[Any], None]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a DRF view: which viewset and action, with which URL arguments and input.

    `kwargs` are URL arguments, `query` the query parameters (a list gives a repeated one).
    `prepare` is called with the view in its own thread, after set-up and before permissions, and
    may return a function to call once those are decided, with the exception if they refused.
    `notes` holds what it leaves for the caller, and `dependencies` is told what of the viewer's
    request the answer depends on. All work in process only. `accept` is asked with
    the reply whether to go on to the next call; in process that happens in the view's thread.
    """

    view: type[APIView]
    action: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    data: Any = None
    files: Mapping[str, Any] = field(default_factory=dict)
    # Only needed where an `@action` answers several methods.
    method: str | None = None
    prepare: Callable[[APIView], Callable[[BaseException | None], None] | None] | None = None
    notes: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    dependencies: Dependencies | None = None
    accept: Callable[[Reply], bool] | None = None

    def leads_on(self, reply: Reply) -> bool:
        """Tell whether the calls after this one are to be made."""
        return reply.ok and (self.accept is None or self.accept(reply))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a list answer stands among its pages; what the paginator does not know is `None`.

    `next` and `previous` are the query parameters that lead there, ready for another call.
    """

    count: int | None = None
    number: int | None = None
    size: int | None = None
    pages: int | None = None
    next: Mapping[str, str] | None = None
    previous: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer of a view: status, plain JSON data, page position, and errors when it refused.

    `data` is the body as a client would read it; `rows` is the list inside a paginated body,
    whatever its envelope. `exception` is the DRF or HTTP exception behind an error, and
    `request` the request the view ran with and `notes` those of the call (in process only).
    """

    status: int
    data: Any = None
    rows: list[Any] | None = None
    page: Page | None = None
    errors: ErrorReport | None = None
    exception: BaseException | None = field(default=None, repr=False)
    request: HttpRequest | None = field(default=None, repr=False)
    notes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the view answered with success; a redirect by a middleware is not one."""
        return 200 <= self.status < 300


class Backend(ABC):
    """Carries calls to DRF views on behalf of the viewer behind `origin`."""

    # Whether the call itself runs the project's middleware here, so that an event needs no
    # request phase of its own before it.
    runs_middleware: bool = False

    @abstractmethod
    async def run(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        """Make the calls in order and give their replies, up to one that failed or stops them."""
