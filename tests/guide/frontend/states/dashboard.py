# frontend/states/dashboard.py
import reflex as rx
from reflex_drf.state import AppState

class DashboardState(AppState):
    @rx.event
    async def toggle_theme(self):
        # Read or write directly to Django's session store
        current_theme = self.session.get("theme", "light")
        self.session["theme"] = "dark" if current_theme == "light" else "light"

        # Access the raw user model for authorization
        if self.user.is_staff:
            # The page prints no `return`; without one nothing is shown.
            return rx.toast.info(f"Theme updated. User is staff.")
