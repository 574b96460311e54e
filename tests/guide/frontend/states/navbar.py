# frontend/states/navbar.py
import reflex as rx
from reflex_drf import DjangoUserState

class NavbarState(DjangoUserState):
    """Exposes: is_authenticated, username, email, group_names, etc."""
    pass

def navbar() -> rx.Component:
    return rx.hstack(
        rx.text("My Shop", size="5", weight="bold"),
        rx.spacer(),
        rx.cond(
            NavbarState.is_authenticated,
            rx.hstack(
                rx.text(f"Logged in as: {NavbarState.username}"),
                rx.button("Log out", variant="outline"),
            ),
            rx.button("Sign in"),
        ),
        width="100%",
        padding="1em",
    )
