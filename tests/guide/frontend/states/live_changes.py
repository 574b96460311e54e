# Page 5, "Customizing changes".
from reflex_drf.live import LiveListMixin
from reflex_drf.states import ModelState
from tests.shop.models import Product


class ProductState(LiveListMixin, ModelState):
    model = Product
    fields = ["name", "price"]

    async def apply_live_change(self, change):
        if change.is_delete:
            self.remove_list_row(self.get_options(), change.pk)
            return
        await self.refresh()
