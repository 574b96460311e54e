"""A working application over a router: pages for every viewset it has registered."""

from __future__ import annotations

from reflex_drf.site.building import Site, site
from reflex_drf.site.sections import Section
from reflex_drf.site.states import SiteState

__all__ = ["Section", "Site", "SiteState", "site"]
