"""The response of one call: not rendered unless somebody asks, and read into plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from reflex_drf.reading import are_json
from reflex_drf.representation import plain

__all__ = ["plain_body", "read_data", "release", "skip_rendering"]


class Unrendered(Response):
    """A DRF response whose body is made only when somebody looks at it, or waits for it."""

    plain_class: type[Response]
    # The body as rendered from the data; another one is the work of a middleware.
    rendered_body: bytes | None = None
    _post_render_callbacks: list[Any]

    def render(self) -> Any:
        """Read the data, which are all that the caller wants, where Django would render them.

        A middleware around the view may have chosen the language of a text that is still lazy,
        and what JSON cannot hold is an error that a middleware may answer.
        """
        self.plain_data = plain_body(self.data, getattr(self, "accepted_renderer", None))
        return self.make_body() if self._post_render_callbacks else self

    def make_body(self) -> Any:
        """Render, and note the body before those who wait for it can change it."""
        self._post_render_callbacks.insert(0, note_body)
        return super().render()

    @property
    def is_rendered(self) -> bool:
        """Always so: a middleware is handed a rendered response."""
        return True

    @property
    def content(self) -> bytes:
        """The body, rendered now if it was not."""
        if not self._is_rendered:
            self.make_body()
        return b"".join(HttpResponse.__iter__(self))

    @content.setter
    def content(self, value: Any) -> None:
        HttpResponse.content.fset(self, value)  # type: ignore[attr-defined]
        self._is_rendered = True
        # In place of the length that kept stock middleware from rendering.
        self["Content-Length"] = str(len(self.content))

    def __iter__(self) -> Iterator[bytes]:
        return iter([self.content])

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be pickled, by a cache, as the rendered response it stands for."""
        body = self.content
        rendered = self.plain_class.__new__(self.plain_class)
        rendered.__dict__.update(self.__dict__, rendered_body=body)
        rendered.__dict__.pop("plain_data", None)
        return object.__new__, (self.plain_class,), rendered.__getstate__()


def note_body(response: Unrendered) -> None:
    """Keep the body as it was rendered."""
    response.rendered_body = response.content


@lru_cache(maxsize=256)
def unrendered_class(kind: type[Response]) -> type[Unrendered]:
    """Give a response class, maybe a project's own, that behaviour."""
    bases = (Unrendered,) if kind is Response else (Unrendered, kind)
    return type(f"Unrendered{kind.__name__}", bases, {"plain_class": kind})


def skip_rendering(response: Any) -> Any:
    """Keep Django's handler from rendering a DRF response."""
    if isinstance(response, Response) and not response.is_rendered:
        describe_content(response)
        kind: Any = type(response)
        response.__class__ = unrendered_class(kind)
    return response


def describe_content(response: Response) -> None:
    """Set the headers that rendering would set, before a middleware reads them."""
    renderer: Any = getattr(response, "accepted_renderer", None)
    if response.data is None:
        del response["Content-Type"]
    elif renderer is not None:
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        response["Content-Type"] = response.content_type or f"{renderer.media_type}{charset}"
    # Stock middleware would have the body rendered only to measure it.
    response["Content-Length"] = "0"


def read_data(response: Any) -> Any:
    """Give the body as plain data: a DRF response's own, JSON as what it says, else text."""
    if has_no_body(response.status_code):
        return None
    if isinstance(response, Response) and not was_replaced(response):
        known = vars(response)
        return known["plain_data"] if "plain_data" in known else plain_body(response.data)
    if response.streaming:
        return None
    if "json" in response.headers.get("Content-Type", ""):
        return read_json(response.content)
    return response.content.decode(response.charset, "replace")


def has_no_body(status: int) -> bool:
    """Tell whether a server sends no body with a status, whatever the view gave it."""
    return status in (204, 304) or 100 <= status < 200


def plain_body(data: Any, renderer: Any = None) -> Any:
    """Give a body as JSON has it; rows that are so already are only copied.

    A renderer's own encoder may write values that DRF's cannot, and others in another way.
    """
    if isinstance(renderer, JSONRenderer) and renderer.encoder_class is not JSONEncoder:
        text = json.dumps(data, cls=renderer.encoder_class, allow_nan=not renderer.strict)
        return json.loads(text)
    if are_json(data):
        return copies(data)
    if type(data) is dict and any(map(are_json, data.values())):
        return {k: copies(v) if are_json(v) else plain(v) for k, v in data.items()}
    return plain(data)


def copies(rows: Iterable[Any]) -> list[Any]:
    """Give rows of which none is also the response's."""
    return list(map(dict.copy, rows))


def was_replaced(response: Any) -> bool:
    """Tell whether the body may say something else than the data.

    A middleware may have replaced it, and out of a cache comes what a renderer once wrote.
    """
    if not response._is_rendered or "Content-Encoding" in response:
        # A compressed body is the same one.
        return False
    return not isinstance(response, Unrendered) or response.rendered_body != response.content


def read_json(content: bytes) -> Any:
    """Read a JSON body, or give the text of one that only claims to be."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")


def release(response: Any) -> None:
    """Close what the response holds, without the signal that ends an HTTP request."""
    for closer in response._resource_closers:
        closer()
    response._resource_closers.clear()
