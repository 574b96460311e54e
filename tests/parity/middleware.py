"""A tenant that stands in the path, and a middleware that answers by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse

from tests.shop.models import Category


class TenantMiddleware:
    """Puts the category named in `/t/<name>/…` on the request, and keeps strangers out."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        parts = request.path_info.split("/")
        if parts[1:2] != ["t"]:
            return self.get_response(request)
        request.tenant = Category.objects.filter(name=parts[2]).first()
        if request.tenant is None:
            return JsonResponse({"detail": "No such tenant."}, status=404)
        if request.tenant.name == "vault" and not request.user.is_superuser:
            return JsonResponse({"detail": "Not your tenant."}, status=403)
        if request.tenant.name == "moved":
            return HttpResponseRedirect("/t/tea/products/")
        if request.tenant.name == "closed":
            return JsonResponse({"detail": "Closed for stocktaking."}, status=503)
        if request.tenant.name == "locked":
            return HttpResponse("Locked.", status=423, content_type="text/plain")
        return self.get_response(request)
