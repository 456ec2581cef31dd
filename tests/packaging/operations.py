"""The names that settings have in the environment."""

from pydantic_settings import BaseSettings


def list_setting_names(settings: type[BaseSettings]) -> set[str]:
    """Every setting's name, as an operator writes it."""
    fields = settings.model_fields.items()
    return {(field.alias or f"{settings.model_config['env_prefix']}{name}").upper() for name, field in fields}
