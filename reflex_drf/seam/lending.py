"""The states of a tab, lent to what is no event: a copy that changes nothing."""

from __future__ import annotations

import copy
from typing import Any

from reflex.istate.manager.token import BaseStateToken
from reflex.state import BaseState, State
from reflex_base.registry import RegistrationContext

from reflex_drf.state.owner import TabOwner

__all__ = ["lend"]


async def lend(manager: Any, token: str, name: str) -> tuple[Any, str] | None:
    """Copy one state of a tab, with those above it, and tell whose tab it is.

    A copy: the tab's own events go on meanwhile, and nothing waits for their lock.
    """
    cls = RegistrationContext.get().base_states.get(name)
    if cls is None or not issubclass(cls, State):
        return None
    found = await manager.get_state(BaseStateToken(ident=token, cls=cls))
    owner = await manager.get_state(BaseStateToken(ident=token, cls=TabOwner))
    tab_owner: Any = below(owner, TabOwner)
    return copied(below(found, cls)), str(tab_owner._owner)


def below(root: BaseState, cls: type[BaseState]) -> BaseState:
    """Give the state of a class in a tree, whether a manager gives its root or the state."""
    while root.parent_state is not None:
        root = root.parent_state
    return root.get_substate(cls._get_substate_path())


def copied(state: BaseState) -> BaseState:
    """Copy a state and its parents, as a manager that keeps them elsewhere does."""
    parent = state.parent_state and copied(state.parent_state)
    twin = type(state)(parent, init_substates=False, _reflex_internal_init=True)
    held: Any = state
    twin.__setstate__(copy.deepcopy(dict(held.__getstate__())))
    twin.parent_state = parent
    return twin
