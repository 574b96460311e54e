"""Which handlers a state gets: those that its viewset has something to do for."""

from __future__ import annotations

from reflex_drf.state.plan import Plan

__all__ = ["LOCAL", "is_wanted"]

WRITING = ("create", "update", "partial_update")
ANY = ("list", *WRITING)
# Which handlers need which actions; those that are not named here need the list.
NEEDS: dict[str, tuple[str, ...]] = {
    "save": ("create", "update", "partial_update"),
    "create": ("create",),
    "update": ("update", "partial_update"),
    "delete": ("destroy",),
    "start_edit": ("retrieve",),
    "open_row": ("retrieve",),
    "load_detail": ("retrieve",),
    "close_row": ("retrieve",),
    "load_row": ("retrieve",),
    "load_edit": ("retrieve",),
    "cancel_edit": ("create", "update", "partial_update"),
    "load_new": ("create",),
    "overwrite": ("update", "partial_update"),
    "reload_edit": ("retrieve",),
    "live_look": ("retrieve",),
    "start_clone": ("create",),
    "load_clone": ("create",),
    "add_nested": WRITING,
    "remove_nested": WRITING,
    "save_files": WRITING,
    "search_relation": ANY,
    "name_relations": ANY,
    "edit_cell": ("partial_update",),
    "cancel_cell": ("partial_update",),
    "preview_delete": ("destroy",),
    "delete_later": ("destroy",),
    "undo_delete": ("destroy",),
    "delete_when_due": ("destroy",),
    "settle_delete": ("destroy",),
    "bulk": ("destroy", "partial_update", "retrieve", "list"),
}
# These call nothing, or not before they have decided to, so that their event has to look up the
# user by itself.
LOCAL = (
    "add_nested",
    "cancel_cell",
    "cancel_edit",
    "close_row",
    "export",
    "live_look",
    "live_refresh",
    "live_subscribe",
    "load_new",
    "name_relations",
    "remove_nested",
    "settle_delete",
    "undo_delete",
)
_UNDO = ("delete_later", "undo_delete", "delete_when_due", "settle_delete")


def is_wanted(plan: Plan, name: str) -> bool:
    """Tell whether the viewset of a state has anything that a handler could do."""
    query = plan.query
    if not any(action in plan.actions for action in NEEDS.get(name, ("list",))):
        return False
    previews = plan.in_process and {"retrieve", "destroy"} <= plan.actions
    shows_key = plan.key in getattr(plan.rows, "fields", {})
    conditions = {
        "set_search": query.search_param is not None,
        "set_ordering": query.ordering_param is not None,
        "filter": bool(query.filter_names),
        "clear_filter": bool(query.filter_names) or query.search_param is not None,
        "paginate": query.has_numbers,
        "go_to_page": query.has_numbers,
        "set_page_size": query.size_param is not None,
        "next_page": query.has_pages,
        "prev_page": query.has_pages,
        "overwrite": plan.edits,
        "reload_edit": plan.edits,
        "live_look": plan.edits,
        "start_clone": {"create", "retrieve"} <= plan.actions,
        "load_clone": {"create", "retrieve"} <= plan.actions,
        "add_nested": any(field.kind == "rows" for field in plan.form.nested),
        "remove_nested": any(field.kind == "rows" for field in plan.form.nested),
        "save_files": bool(plan.form.files),
        "search_relation": bool(plan.relations),
        "name_relations": bool(plan.relations),
        "bulk": bool(plan.bulk_actions),
        "bulk_matching": bool(plan.bulk_actions) and shows_key,
        "export": plan.in_process,
        "preview_delete": previews,
        **dict.fromkeys(_UNDO, previews and plan.options.undo_seconds > 0),
    }
    return conditions.get(name, True)
