"""The one family of errors: everything that can go wrong on the network."""

from typing import override

from .enumerations import AbortReason, ErrorClass, ErrorCode, RejectReason, label_of


class BacnetError(Exception):
    """Something went wrong in BACnet; its text names the cause in plain words."""


class NodeStartError(BacnetError):
    """The node can not start."""


class AddressInUseError(NodeStartError):
    """Another program holds the UDP port."""


class AddressUnavailableError(NodeStartError):
    """The address does not belong to this machine."""


class NodeStoppedError(BacnetError):
    """The node was stopped before the answer came."""

    def __init__(self) -> None:
        """Say what happened."""
        super().__init__("the BACnet node was stopped")


class OverloadError(BacnetError):
    """Too many requests are waiting already."""


class CommunicationDisabledError(BacnetError):
    """Somebody silenced the node with DeviceCommunicationControl."""

    def __init__(self) -> None:
        """Say what happened."""
        super().__init__("communication was disabled by another device")


class NoResponseError(BacnetError):
    """The device did not answer in time."""


class UnreachableError(BacnetError):
    """The request could not be sent: no route to the network of the device."""


class MalformedError(BacnetError):
    """The data does not follow the standard's encoding."""

    def __init__(
        self, text: str, reason: RejectReason = RejectReason.INVALID_TAG
    ) -> None:
        """Keep the reason with which a malformed request is rejected."""
        super().__init__(text)
        self.reason = reason


class RefusedError(BacnetError):
    """A request was refused: a negative answer, in either direction.

    Our client raises it when a device refuses a request of ours; our service
    handlers raise it to refuse a request of somebody else's.
    """


class ServiceError(RefusedError):
    """An Error PDU: the service was understood but failed."""

    def __init__(self, error_class: int, error_code: int) -> None:
        """Keep the numbers of the standard."""
        super().__init__(
            f"{label_of(ErrorClass, error_class)}: {label_of(ErrorCode, error_code)}"
        )
        self.error_class = error_class
        self.error_code = error_code

    @override
    def __eq__(self, other: object) -> bool:
        """Compare by class and code."""
        return isinstance(other, ServiceError) and (
            (self.error_class, self.error_code) == (other.error_class, other.error_code)
        )

    @override
    def __hash__(self) -> int:
        """Hash by class and code."""
        return hash((self.error_class, self.error_code))


class RejectError(RefusedError):
    """A Reject PDU: the request itself was wrong."""

    def __init__(self, reason: int) -> None:
        """Keep the number of the standard."""
        super().__init__(f"rejected: {label_of(RejectReason, reason)}")
        self.reason = reason


class AbortError(RefusedError):
    """An Abort PDU: the transaction was ended."""

    def __init__(self, reason: int) -> None:
        """Keep the number of the standard."""
        super().__init__(f"aborted: {label_of(AbortReason, reason)}")
        self.reason = reason
