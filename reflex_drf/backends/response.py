"""The response of one call: not rendered unless somebody asks, and read into plain data."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.response import Response

from reflex_drf.representation import plain

__all__ = ["read_data", "skip_rendering"]


class Unrendered(Response):
    """A DRF response whose body is made only when a middleware looks at it."""

    plain_class: type[Response]

    def render(self) -> Any:
        """Do nothing: the data are all that the caller wants."""
        return self

    @property
    def is_rendered(self) -> bool:
        """Always so, as seen by a middleware that would be handed the rendered response."""
        return True

    @property
    def content(self) -> bytes:
        """The body, rendered now if it was not."""
        if not self._is_rendered:
            self.__dict__["_rendering"] = True
            super().render()
            self.__dict__["as_rendered"] = b"".join(self._container)  # type: ignore[attr-defined]
        return HttpResponse.content.fget(self)  # type: ignore[attr-defined, no-any-return]

    @content.setter
    def content(self, value: Any) -> None:
        # Somebody else's body: its length is no longer ours to say.
        HttpResponse.content.fset(self, value)  # type: ignore[attr-defined]
        self._is_rendered = True

    def __iter__(self) -> Any:
        return iter([self.content])

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be pickled as the rendered response it stands for."""
        rendered = self.content is not None and self.plain_class.__new__(self.plain_class)
        rendered.__dict__.update(self.__dict__)
        return rendered.__reduce_ex__(protocol)


@lru_cache(maxsize=256)
def unrendered_class(kind: type[Response]) -> type[Unrendered]:
    """Give a project's own response class the same behaviour."""
    if kind is Response:
        return type("UnrenderedResponse", (Unrendered,), {"plain_class": Response})
    return type(f"Unrendered{kind.__name__}", (Unrendered, kind), {"plain_class": kind})


def skip_rendering(response: HttpResponseBase) -> HttpResponseBase:
    """Keep Django's handler from rendering a DRF response."""
    if not isinstance(response, Response) or response._is_rendered:
        return response
    response.__class__ = unrendered_class(type(response))
    describe_content(response)
    return response


def describe_content(response: Response) -> None:
    """Set the headers that rendering would set, before any middleware reads them."""
    renderer: Any = getattr(response, "accepted_renderer", None)
    if response.data is None:
        del response["Content-Type"]
    elif renderer is not None:
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        response["Content-Type"] = response.content_type or f"{renderer.media_type}{charset}"
    # Stock middleware would have the body rendered only to measure it.
    response["Content-Length"] = "0"


def read_data(response: HttpResponseBase) -> Any:
    """Give the body as plain data: a DRF response's own, JSON as what it says, else text."""
    if isinstance(response, Response) and not was_replaced(response):
        return plain(response.data)
    if response.streaming:
        return None
    content = getattr(response, "content", b"")
    kind = response.headers.get("Content-Type", "")
    if "json" in kind:
        return read_json(content)
    return content.decode(response.charset, "replace")


def was_replaced(response: Response) -> bool:
    """Tell whether a middleware gave the response another body than its data."""
    if not response._is_rendered or "Content-Encoding" in response.headers:
        return False
    if isinstance(response, Unrendered):
        return response.__dict__.get("as_rendered") != response.content
    return False


def read_json(content: bytes) -> Any:
    """Read a JSON body, or give the text of one that only claims to be."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")
