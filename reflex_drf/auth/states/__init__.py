"""The states of the sign-in pages, each in a module that only `add_pages` imports.

A state exists for clients once its module was imported: an app has those of the pages it asked for.
"""

from __future__ import annotations
