"""The input of a call as the body of an HTTP request: JSON, or a form."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.utils.mediatypes import media_type_matches

from reflex_drf.backends import Call
from reflex_drf.backends.envelope import view_option

__all__ = ["encode_body"]


def encode_body(call: Call) -> dict[str, Any]:
    """Give the body as httpx takes it: JSON, or a form where there are files or no JSON parser."""
    if call.files:
        return {"data": dict(form_fields(call.data or {})), "files": list(form_files(call.files))}
    if call.data is None:
        return {}
    if not _parses(call, "application/json"):
        return {"data": dict(form_fields(call.data))}
    content = json.dumps(call.data, cls=JSONEncoder).encode()
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def _parses(call: Call, media_type: str) -> bool:
    parsers = view_option(call, "parser_classes") or ()
    return any(media_type_matches(parser.media_type, media_type) for parser in parsers)


def form_fields(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Spell data as a form has it: `tags` repeated, `lines[0]quantity`, `address.street`."""
    if isinstance(value, Mapping):
        if name:
            # A JSONField reads the text under its own name, a nested serializer the parts.
            yield name, json.dumps(value, cls=JSONEncoder)
        for key, item in value.items():
            yield from form_fields(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            for key, part in item.items():
                yield from form_fields(part, f"{name}[{index}]{key}")
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield name, [_form_text(item) for item in value]
    else:
        yield name, _form_text(value)


def _form_text(value: Any) -> str:
    # DRF reads an empty text in a form as None where the field allows it.
    if value is None:
        return ""
    encoded = json.loads(json.dumps(value, cls=JSONEncoder))
    return encoded if isinstance(encoded, str) else json.dumps(encoded)


def form_files(files: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give each file with its name and type."""
    for field, value in files.items():
        for file in value if isinstance(value, (list, tuple)) else [value]:
            content = file.file if isinstance(file, UploadedFile) else file
            name = os.path.basename(getattr(file, "name", None) or field)
            kind = getattr(file, "content_type", None) or "application/octet-stream"
            yield field, (name, content, kind)
