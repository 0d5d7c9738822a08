"""What a negative answer means for the next request."""

from enum import Enum, auto

from ..node.enumerations import AbortReason, ErrorClass, ErrorCode, RejectReason
from ..node.errors import AbortError, RefusedError, RejectError, ServiceError

_TOO_LONG = {
    AbortReason.BUFFER_OVERFLOW,
    AbortReason.SEGMENTATION_NOT_SUPPORTED,
    AbortReason.APDU_TOO_LONG,
}
_TOO_MUCH_NOW = {
    AbortReason.OUT_OF_RESOURCES,
    AbortReason.PREEMPTED_BY_HIGHER_PRIORITY_TASK,
    AbortReason.APPLICATION_EXCEEDED_REPLY_TIME,
    AbortReason.TSM_TIMEOUT,
}
_TOO_LONG_CODES = {
    ErrorCode.ABORT_BUFFER_OVERFLOW,
    ErrorCode.ABORT_SEGMENTATION_NOT_SUPPORTED,
    ErrorCode.ABORT_APDU_TOO_LONG,
    ErrorCode.REJECT_BUFFER_OVERFLOW,
}
_TOO_MUCH_NOW_CODES = {
    ErrorCode.ABORT_OUT_OF_RESOURCES,
    ErrorCode.ABORT_APPLICATION_EXCEEDED_REPLY_TIME,
    ErrorCode.BUSY,
    ErrorCode.DEVICE_BUSY,
    ErrorCode.OUT_OF_MEMORY,
}
_UNRECOGNIZED_CODES = {
    ErrorCode.REJECT_UNRECOGNIZED_SERVICE,
    ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED,
}


def is_unrecognized(error: RefusedError) -> bool:
    """Return whether the device does not know the service, whatever is asked."""
    if isinstance(error, RejectError):
        return error.reason == RejectReason.UNRECOGNIZED_SERVICE
    return (
        isinstance(error, ServiceError)
        and error.error_class == ErrorClass.SERVICES
        and error.error_code in _UNRECOGNIZED_CODES
    )


def is_temporary(error: RefusedError) -> bool:
    """Return whether the device was short of something at this moment."""
    if isinstance(error, AbortError):
        return error.reason in _TOO_MUCH_NOW
    return isinstance(error, ServiceError) and (
        error.error_class == ErrorClass.RESOURCES
        or error.error_code in _TOO_MUCH_NOW_CODES
    )


def is_overflow(error: RefusedError) -> bool:
    """Return whether less at once would be answered."""
    if is_temporary(error):
        return True
    match error:
        case AbortError(reason=reason):
            return reason in _TOO_LONG
        case RejectError(reason=reason):
            return reason == RejectReason.BUFFER_OVERFLOW
        case ServiceError(error_code=code):
            return code in _TOO_LONG_CODES
    return False


class CovRefusal(Enum):
    """Why a subscription was refused."""

    SERVICE = auto()
    """The device has no COV."""

    SPACE = auto()
    """The device has no room for more subscriptions."""

    OBJECT = auto()
    """This object does not notify."""

    PARAMETERS = auto()
    """Perhaps another lifetime or kind of notification is accepted."""

    MOMENT = auto()
    """The device is busy."""


_OBJECT_CODES = {
    ErrorCode.ACCESS_DENIED,
    ErrorCode.COV_SUBSCRIPTION_FAILED,
    ErrorCode.NOT_COV_PROPERTY,
    ErrorCode.OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED,
    ErrorCode.READ_ACCESS_DENIED,
    ErrorCode.UNKNOWN_OBJECT,
    ErrorCode.UNKNOWN_PROPERTY,
    ErrorCode.WRITE_ACCESS_DENIED,
}
_SPACE_CODES = {
    ErrorCode.ABORT_OUT_OF_RESOURCES,
    ErrorCode.NO_SPACE_FOR_OBJECT,
    ErrorCode.NO_SPACE_TO_ADD_LIST_ELEMENT,
    ErrorCode.NO_SPACE_TO_WRITE_PROPERTY,
    ErrorCode.OUT_OF_MEMORY,
}
_BUSY_CODES = {ErrorCode.BUSY, ErrorCode.DEVICE_BUSY}


def cov_refusal(error: RefusedError) -> CovRefusal:
    """Return why a subscription was refused."""
    if is_unrecognized(error):
        return CovRefusal.SERVICE
    match error:
        case AbortError(reason=AbortReason.OUT_OF_RESOURCES):
            return CovRefusal.SPACE
        case AbortError():
            return CovRefusal.MOMENT
        case ServiceError(error_code=code) if code in _BUSY_CODES:
            return CovRefusal.MOMENT
        case ServiceError(error_class=ErrorClass.RESOURCES):
            return CovRefusal.SPACE
        case ServiceError(error_code=code) if code in _SPACE_CODES:
            return CovRefusal.SPACE
        case ServiceError(error_code=ErrorCode.SERVICE_REQUEST_DENIED):
            return CovRefusal.SERVICE
        case ServiceError(error_code=code) if code in _OBJECT_CODES:
            return CovRefusal.OBJECT
    return CovRefusal.PARAMETERS
