"""The client role as a whole: what the layer above creates once for its node."""

import asyncio

from ..node.node import Node
from .capabilities import Capabilities
from .cov import CovDispatcher, CovSettings
from .device import DeviceSession
from .directory import Directory
from .models import DeviceInfo, Inventory


class Client:
    """The directory of devices, and the sessions with some of them.

    Sessions learn from here that their device was heard or has moved.
    """

    def __init__(self, node: Node) -> None:
        """Listen from now on until ``close``."""
        self.node = node
        self.directory = Directory(node)
        self._dispatcher = CovDispatcher(node)
        self._sessions: dict[int, DeviceSession] = {}
        self.directory.subscribe(self._heard)
        self.directory.subscribe_moves(self._moved)

    def open_session(
        self,
        info: DeviceInfo,
        *,
        inventory: Inventory | None = None,
        capabilities: Capabilities | None = None,
        cov: CovSettings | None = CovSettings(),
    ) -> DeviceSession:
        """Return a session with a device; without ``cov`` everything is polled.

        There is one session for each device. ``close_session`` ends it.
        """
        session = DeviceSession(
            self.node,
            info,
            inventory=inventory,
            capabilities=capabilities,
            dispatcher=None if cov is None else self._dispatcher,
            cov_settings=cov,
        )
        self._sessions[info.instance] = session
        self.directory.expect(info)
        return session

    async def close_session(self, session: DeviceSession) -> None:
        """End a session."""
        if self._sessions.get(session.info.instance) is session:
            del self._sessions[session.info.instance]
        await session.close()

    async def close(self) -> None:
        """Close all sessions at once and stop listening; before the node stops."""
        self.directory.close()
        sessions = list(self._sessions.values())
        self._sessions.clear()
        await asyncio.gather(*(session.close() for session in sessions))
        self._dispatcher.close()

    def _heard(self, info: DeviceInfo) -> None:
        session = self._sessions.get(info.instance)
        if session is None:
            return
        if session.info.address == info.address:
            if session.info != info:
                session.update_info(info)
            session.heard()
        elif session.is_silent and info.instance not in self.directory.conflicts:
            # Whoever set the address of the session was wrong.
            session.update_info(info)

    def _moved(self, info: DeviceInfo) -> None:
        session = self._sessions.get(info.instance)
        if session is not None:
            session.update_info(info)
