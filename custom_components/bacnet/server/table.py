"""All objects of the device, by identifier and by name."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from ..node.codec import Datatype, encode, object_id_octets
from ..node.enumerations import ErrorClass, ErrorCode, ObjectType
from ..node.errors import ServiceError
from ..node.types import MAX_INSTANCE, ObjectId
from .served import ServedObject

_THIS_ONE = MAX_INSTANCE + 1
"""The instance that stands for whoever is asked (15.5.2)."""

_UNIQUE_TYPES = (ObjectType.DEVICE, ObjectType.NETWORK_PORT)


class ObjectTable:
    """Finds objects and counts every change of the list or of a name."""

    def __init__(self, revision: int) -> None:
        """Start empty, with the revision that an earlier run came to."""
        self.revision = revision
        self.by_octets: dict[bytes, ServedObject] = {}
        """Objects by the octets that name them in requests."""
        self._by_id: dict[ObjectId, ServedObject] = {}
        self._names: dict[str, ObjectId] = {}
        self._encoded_list: list[bytes] | None = None

    def find(self, object_id: ObjectId) -> ServedObject:
        """Return an object; raises ServiceError: unknown-object."""
        found = self._by_id.get(object_id)
        if found is not None:
            return found
        if object_id.instance == _THIS_ONE and object_id.type in _UNIQUE_TYPES:
            # They are the first of the list.
            for served in islice(self._by_id.values(), len(_UNIQUE_TYPES)):
                if served.object_id.type == object_id.type:
                    return served
        raise ServiceError(ErrorClass.OBJECT, ErrorCode.UNKNOWN_OBJECT)

    def find_name(self, name: str) -> ServedObject | None:
        """Return the object of a name."""
        object_id = self._names.get(name)
        return None if object_id is None else self._by_id[object_id]

    def add(self, served: ServedObject) -> None:
        """Take an object; raises ValueError for an identifier or name in use."""
        object_id, name = served.object_id, served.name
        if object_id in self._by_id:
            raise ValueError(f"{object_id} exists already")
        self._check_name(name)
        self._by_id[object_id] = served
        self.by_octets[object_id_octets(object_id)] = served
        self._names[name] = object_id
        self._list_changed()

    def remove(self, object_id: ObjectId) -> ServedObject:
        """Drop an object; raises KeyError."""
        served = self._by_id.pop(object_id)
        del self.by_octets[object_id_octets(object_id)]
        del self._names[served.name]
        self._list_changed()
        return served

    @contextmanager
    def renaming(self, served: ServedObject, name: str) -> Iterator[None]:
        """Follow an object that may get another name.

        Raises ValueError, before anything is changed, when another object has it.
        """
        old_name = served.name
        if name != old_name:
            self._check_name(name)
        yield
        if name != old_name:
            del self._names[old_name]
            self._names[name] = served.object_id
            self.revision += 1

    def _check_name(self, name: str) -> None:
        if not name:
            raise ValueError("an object needs a name")
        if name in self._names:
            raise ValueError(f"{self._names[name]} has the name {name!r} already")

    def _list_changed(self) -> None:
        self._encoded_list = None
        self.revision += 1

    @property
    def object_ids(self) -> Iterable[ObjectId]:
        """Return all identifiers in the order of the object list."""
        return self._by_id

    @property
    def encoded_list(self) -> list[bytes]:
        """Return the object list, encoded."""
        if self._encoded_list is None:
            self._encoded_list = [
                encode(Datatype.OBJECT_IDENTIFIER, object_id)
                for object_id in self._by_id
            ]
        return self._encoded_list
