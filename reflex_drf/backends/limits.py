"""What Django and DRF would not have read from the body of a request, asked of plain values."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any, Never
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from rest_framework.exceptions import ParseError
from rest_framework.settings import api_settings

from reflex_drf.backends import Reply
from reflex_drf.backends.encoding import form_fields
from reflex_drf.backends.request import CallRequest, encode_json
from reflex_drf.errors import report_errors

__all__ = ["find_refusal", "is_too_long", "refuse_to_read", "too_long"]

# Servers take URLs of 4 to 64 KB; SQLite searches for no more than 50,000 bytes.
LONGEST_URL = 32 * 1024

# The most bytes that JSON makes of one character, and of any value that is no text or number.
LONGEST_ESCAPE = 6
LONGEST_OTHER = 64
MEMORY = "DATA_UPLOAD_MAX_MEMORY_SIZE"


def find_refusal(source: CallRequest) -> Exception | None:
    """Give the error that the input would have met as a body of its content type, if any."""
    if source.content_type == "application/json":
        return refuse_json(source.input_data)
    return refuse_form(source)


def is_too_long(path: str, query: str) -> bool:
    """Tell whether a URL is longer than servers take."""
    return len(path) + len(query) > LONGEST_URL


def too_long() -> Reply:
    """Answer for a URL that no server in front of Django would have passed on."""
    data = {"detail": "The request is too long."}
    return Reply(status=414, data=data, errors=report_errors(414, data))


def refuse_to_read(request: Any, refusal: Exception) -> None:
    """Let DRF's request fail as over HTTP: when the view reads the input, which may be never."""

    def read() -> Never:
        raise refusal

    request._load_data_and_files = read


# -- JSON -----------------------------------------------------------------------------------


def refuse_json(data: Any) -> Exception | None:
    """Refuse a document that is too big, or whose numbers JSON does not have."""
    size, finite = measure(data)
    if api_settings.STRICT_JSON and not finite:
        return ParseError("JSON parse error - Out of range float values are not JSON compliant")
    # To encode what is surely small would be a waste.
    if not exceeds(size, MEMORY) or not exceeds(len(encode_json(data)), MEMORY):
        return None
    return RequestDataTooBig(f"Request body exceeded settings.{MEMORY}.")


def measure(data: Any) -> tuple[int, bool]:
    """Give a size that the document does not exceed, and whether all its numbers are finite."""
    size, finite, left = 0, True, [data]
    while left:
        value = left.pop()
        # Brackets or quotes, comma and colon.
        size += 4
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            left += value
        elif isinstance(value, str):
            size += LONGEST_ESCAPE * len(value)
        elif isinstance(value, int):
            size += value.bit_length()
        elif isinstance(value, float):
            size += 25
            finite = finite and isfinite(value)
        else:
            size += LONGEST_OTHER
    return size, finite


# -- Forms ----------------------------------------------------------------------------------


def refuse_form(source: CallRequest) -> Exception | None:
    """Refuse a form with too much text, too many fields or too many files."""
    pairs = list(form_pairs(source.input_data or {}))
    if source.content_type == "application/x-www-form-urlencoded":
        size = len(urlencode(pairs))
    else:
        # As Django counts the parts of a multipart body.
        size = sum(len(name.encode()) + len(text.encode()) + 2 for name, text in pairs)
    files = sum(len(source.input_files.getlist(name)) for name in source.input_files)
    found: list[tuple[int, str, type[Exception]]] = [
        (size, MEMORY, RequestDataTooBig),
        (len(pairs), "DATA_UPLOAD_MAX_NUMBER_FIELDS", TooManyFieldsSent),
        (files, "DATA_UPLOAD_MAX_NUMBER_FILES", TooManyFilesSent),
    ]
    errors = (
        error(f"The form exceeds settings.{name}.") for n, name, error in found if exceeds(n, name)
    )
    return next(errors, None)


def form_pairs(data: Any) -> Iterator[tuple[str, str]]:
    """Give each field of a form as often as it is repeated."""
    for name, value in form_fields(data):
        for text in value if isinstance(value, list) else [value]:
            yield name, text


def exceeds(number: int, setting: str) -> bool:
    """Tell whether a number is above a setting that may be None, for no limit."""
    limit = getattr(settings, setting)
    return limit is not None and number > limit
