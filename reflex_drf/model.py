"""`Model`: Django's abstract base class for models, which can be imported from anywhere.

Importing this module makes Django ready. That imports the project's models, and those import
`Model` from here before this module has run to its end; so the name is looked up when it is asked
for, and the class stands in a module of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reflex_drf.conf import configure_django

if TYPE_CHECKING:
    from reflex_drf._model import Model, serialize_django_model

__all__ = ["Model", "serialize_django_model"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from reflex_drf import _model

    return getattr(_model, name)


configure_django()
