from __future__ import annotations

from django.db import migrations
from reflex_drf.live.migrations import AddLiveTriggers


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_product_updated_by")]

    # On PostgreSQL, any write to the table reaches open tabs; elsewhere this does nothing.
    operations = [AddLiveTriggers("Product")]
