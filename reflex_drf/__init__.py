"""A live Reflex UI over the Django REST framework viewsets a project already has."""

from __future__ import annotations
