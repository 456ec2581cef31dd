"""Fixtures that the replay tests share with those of read models: live tables, and a builder of histories."""

from tests.projections.conftest import builder, owner_url

__all__ = ["builder", "owner_url"]
