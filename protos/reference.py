"""The contract's comments as one page: `reference.py DESCRIPTORS > docs/api.md`, which `make protos` runs."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

_INTRODUCTION = """# The contract

Every service, message and enum of `protos/stamp2vec`, with its comments. `make protos` writes this page: change the
protos, not the page. Services of other teams call the gateway, [StampService](#stampservice); the others are what the
gateway calls. [clients/](../clients/README.md) has callers in several languages,
[operations.md](operations.md#error-codes) the errors.

Fields of proto3 have no presence unless they are `optional`, a message or one of several: 0, false, an empty text and
an unset field are the same. Later versions add fields, methods and values of enums, and take none away."""

# Numbers of fields in descriptor.proto, of which the path to a comment is made.
_SYNTAX, _MESSAGES, _ENUMS, _SERVICES = 12, 4, 5, 6
_MEMBERS = 2  # of messages and enums, and methods of services

_TYPES = FieldDescriptorProto.Type


class Comments:
    """The comments of one file."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._texts = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def paragraphs(self, *path: int) -> str:
        """Of what is at this path."""
        paragraphs = self._texts.get(path, "").strip().split("\n\n")
        return "\n\n".join(" ".join(text.split()) for text in paragraphs).replace("<", "&lt;")

    def cell(self, *path: int) -> str:
        """The same in a table."""
        return self.paragraphs(*path).replace("\n\n", "<br>").replace("|", "\\|")


def page(descriptors: FileDescriptorSet) -> str:
    """All files, the one with the gateway first."""
    files = sorted(descriptors.file, key=lambda file: (not file.name.endswith("/gateway.proto"), file.name))
    return "\n\n".join([_INTRODUCTION, *(text for file in files for text in _file(file))]) + "\n"


def _file(file: FileDescriptorProto) -> Iterator[str]:
    comments = Comments(file)
    yield f"## {file.name}\n\n{comments.paragraphs(_SYNTAX)}"
    for index, service in enumerate(file.service):
        yield from _service(service, comments, (_SERVICES, index))
    for index, message in enumerate(file.message_type):
        yield from _message(message, comments, (_MESSAGES, index))
    for index, enum in enumerate(file.enum_type):
        yield from _enum(enum, comments, (_ENUMS, index))


def _service(service: ServiceDescriptorProto, comments: Comments, path: tuple[int, ...]) -> Iterator[str]:
    yield f"### {service.name}\n\n{comments.paragraphs(*path)}"
    rows = []
    for index, method in enumerate(service.method):
        request = ("stream of " if method.client_streaming else "") + _link(method.input_type)
        response = ("stream of " if method.server_streaming else "") + _link(method.output_type)
        rows.append((f"`{method.name}`", request, response, comments.cell(*path, _MEMBERS, index)))
    yield _table(("method", "request", "response", ""), rows)


def _message(message: DescriptorProto, comments: Comments, path: tuple[int, ...]) -> Iterator[str]:
    if message.nested_type or message.enum_type:
        raise ValueError(f"{message.name} has messages inside, which this page has no place for")
    yield f"### {message.name}\n\n{comments.paragraphs(*path)}"
    rows = [
        (
            f"`{field.name}`",
            str(field.number),
            _type(field, message),
            _marked(field, comments.cell(*path, _MEMBERS, index)),
        )
        for index, field in enumerate(message.field)
    ]
    if rows:
        yield _table(("field", "number", "type", ""), rows)


def _enum(enum: EnumDescriptorProto, comments: Comments, path: tuple[int, ...]) -> Iterator[str]:
    yield f"### {enum.name}\n\n{comments.paragraphs(*path)}"
    rows = [
        (f"`{value.name}`", str(value.number), comments.cell(*path, _MEMBERS, index))
        for index, value in enumerate(enum.value)
    ]
    yield _table(("value", "number", ""), rows)


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    name = _link(field.type_name) if field.type_name else _TYPES.Name(field.type).removeprefix("TYPE_").lower()
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    if field.proto3_optional:
        return f"optional {name}"
    if field.HasField("oneof_index"):
        return f"{name}, one of `{message.oneof_decl[field.oneof_index].name}`"
    return name


def _marked(field: FieldDescriptorProto, text: str) -> str:
    return f"Deprecated. {text}" if field.options.deprecated else text


def _link(full_name: str) -> str:
    """To a message or an enum of this page, by its heading."""
    name = full_name.rpartition(".")[2]
    return f"[{name}](#{name.lower()})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    print(page(FileDescriptorSet.FromString(Path(sys.argv[1]).read_bytes())), end="")
