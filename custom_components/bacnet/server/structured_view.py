"""Structured View objects: named groups of objects (clause 12.29)."""

from typing import override

from ..node.codec import Datatype, encode, encode_context
from ..node.enumerations import ObjectType, PropertyIdentifier as P
from .definition import ViewDefinition
from .served import (
    IDENTITY,
    PROPERTY_LIST,
    Property,
    ServedObject,
    Shape,
    Table,
    enumerated,
    optional,
    required,
    text,
)


class StructuredView(ServedObject):
    """One group of objects."""

    __slots__ = ("definition",)

    def __init__(self, definition: ViewDefinition) -> None:
        """Show a group; raises ValueError for a wrong definition."""
        _check(definition)
        super().__init__(definition.object_id, _PROPERTIES)
        self.definition = definition

    @property
    @override
    def name(self) -> str:
        """Return the group's name."""
        return self.definition.name

    def update(self, definition: ViewDefinition) -> None:
        """Take a changed definition; raises ValueError."""
        _check(definition)
        self.definition = definition
        self.cache.clear()


def _check(definition: ViewDefinition) -> None:
    if definition.object_id.type != ObjectType.STRUCTURED_VIEW:
        raise ValueError(f"{definition.object_id} is no structured view")
    if definition.annotations and len(definition.annotations) != len(
        definition.subordinates
    ):
        raise ValueError("every subordinate needs an annotation, or none does")


def _subordinates(view: StructuredView) -> list[bytes]:
    # BACnetDeviceObjectReference; without a device it is our own.
    return [
        encode_context(1, Datatype.OBJECT_IDENTIFIER, object_id)
        for object_id in view.definition.subordinates
    ]


def _annotations(view: StructuredView) -> list[bytes]:
    return [
        encode(Datatype.CHARACTER_STRING, annotation)
        for annotation in view.definition.annotations
    ]


_PROPERTIES: Table = {
    **IDENTITY,
    P.NODE_TYPE: required(enumerated(lambda o: o.definition.node_type)),
    P.NODE_SUBTYPE: optional(
        text(lambda o: o.definition.node_subtype),
        lambda o: bool(o.definition.node_subtype),
    ),
    P.SUBORDINATE_LIST: Property(_subordinates, Shape.ARRAY, required=True),
    P.SUBORDINATE_ANNOTATIONS: Property(
        _annotations, Shape.ARRAY, exists=lambda o: bool(o.definition.annotations)
    ),
    **PROPERTY_LIST,
}
