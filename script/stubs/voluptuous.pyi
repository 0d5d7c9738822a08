# Home Assistant puts probatio in the place of voluptuous; mypy has to be told.
from probatio import *  # noqa: F403
