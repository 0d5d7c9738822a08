"""Options of the node: who may write to it, how often, and who may restart it."""

from ipaddress import IPv4Network
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_PASSWORD
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .const import CONF_ALLOWED_NETWORKS, CONF_WRITES_PER_SECOND

_MAX_PASSWORD: Final = 20
"""Longest password that a request can carry (16.1.1.1.3)."""

_HIGHEST_NETWORK: Final = 65534
_DEFAULT_RATE: Final = 100


def _normalized(network: str) -> str:
    """Return a network as the policy has it; raises ValueError."""
    network = network.strip()
    if network.isdecimal():
        if not 1 <= int(network) <= _HIGHEST_NETWORK:
            raise ValueError(network)
        return str(int(network))
    return str(IPv4Network(network, strict=False))


class BacnetOptionsFlow(OptionsFlow):
    """Change the options; they take effect at once."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for all of them."""
        errors: dict[str, str] = {}
        if user_input is not None:
            data: dict[str, Any] = {
                CONF_WRITES_PER_SECOND: int(user_input[CONF_WRITES_PER_SECOND])
            }
            try:
                data[CONF_ALLOWED_NETWORKS] = [
                    _normalized(network)
                    for network in user_input.get(CONF_ALLOWED_NETWORKS, [])
                ]
            except ValueError:
                errors[CONF_ALLOWED_NETWORKS] = "invalid_network"
            password = user_input.get(CONF_PASSWORD, "")
            if len(password) > _MAX_PASSWORD:
                errors[CONF_PASSWORD] = "password_too_long"
            elif password:
                data[CONF_PASSWORD] = password
            if not errors:
                return self.async_create_entry(data=data)
        schema = vol.Schema(
            {
                vol.Optional(CONF_ALLOWED_NETWORKS, default=list): TextSelector(
                    TextSelectorConfig(multiple=True)
                ),
                vol.Required(
                    CONF_WRITES_PER_SECOND, default=_DEFAULT_RATE
                ): NumberSelector(
                    NumberSelectorConfig(
                        mode=NumberSelectorMode.BOX, min=0, max=10_000, step=1
                    )
                ),
                vol.Optional(CONF_PASSWORD): TextSelector(
                    TextSelectorConfig(type=TextSelectorType.PASSWORD)
                ),
            }
        )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or self.config_entry.options
            ),
            errors=errors,
        )
