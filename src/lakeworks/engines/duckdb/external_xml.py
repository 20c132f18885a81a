"""Read the XML files of an external table: one row for each element of the row's tag.

Columns follow Glue's and Spark's reader: an attribute is named with a prefix before it, a nested
element is a struct, a repeated one an array, and the text beside them has a name of its own.
Names are held to each other without regard to case. Files are not trusted: none may declare an
entity or name another file, and how deep and how large a row is has bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from xml.parsers import expat  # nosec - entities are refused below

from lakeworks.core.types import Array, Map, Struct
from lakeworks.engines.duckdb.heads import UNREADABLE, packing_of, unpacked
from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from lakeworks.core.types import Field, Type
    from lakeworks.engines.duckdb.external_parts import Opener
    from lakeworks.storage.external import ExternalFile, ExternalSource, ReadOptions

DEEPEST = 200
LARGEST_ROW_CHARACTERS = 64 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_BATCH_ROWS = 4096
_BATCH_CHARACTERS = 16 * 1024 * 1024


def xml_reader(
    source: ExternalSource, opener: Opener, columns: list[tuple[str, pa.DataType]]
) -> Callable[[ExternalFile], Iterator[pa.RecordBatch]]:
    """Return what gives the batches of a file.

    Args:
        source: The table.
        opener: Opens its files.
        columns: Name and type of each column of a batch, in the order of the table's.
    """
    fields = source.data_fields

    def read(file: ExternalFile) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for rows in _Rows(source, file).batches(opener):
            arrays = [
                pa.array([row[n] for row in rows], kind) for n, (_, kind) in enumerate(columns)
            ]
            if not fields:
                continue
            yield pa.RecordBatch.from_arrays(arrays, [name for name, _ in columns])

    return read


@dataclass(slots=True)
class _Node:
    """An element within a row."""

    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)
    children: dict[str, list[_Node]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()


class _RefusedError(Exception):
    """What a handler finds wrong; expat passes it on."""


class _Rows:
    """The rows of one file."""

    def __init__(self, source: ExternalSource, file: ExternalFile) -> None:
        self.source = source
        self.file = file
        self.shaper = _Shaper(source)
        self.row_tag = source.options.row_tag
        self.depth = 0
        self.characters = 0
        self.gathered = 0
        self.open: list[_Node] = []
        self.rows: list[list[Any]] = []

    def batches(self, opener: Opener) -> Iterator[list[list[Any]]]:
        """Yield rows, some thousands at once, as values in the columns' order."""
        parser = self._parser()
        try:
            for chunk in self._chunks(opener):
                parser.Parse(chunk, False)  # noqa: FBT003 - its own signature
                if len(self.rows) >= _BATCH_ROWS or self.gathered > _BATCH_CHARACTERS:
                    yield self._taken()
            parser.Parse(b"", True)  # noqa: FBT003
        except (expat.ExpatError, _RefusedError) as error:
            line = parser.CurrentLineNumber
            self._refuse(f"cannot be read as XML: {error} (line {line})")
        except UNREADABLE as error:
            self._refuse(f"is torn: {error}")
        if self.rows:
            yield self._taken()

    def _chunks(self, opener: Opener) -> Iterator[bytes]:
        with opener.arrived(self.file).open() as raw:
            start = raw.read(8)
            raw.seek(0)
            with unpacked(raw, packing_of(start)) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield bytes(chunk)

    def _parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = _refuse_entity
        parser.UnparsedEntityDeclHandler = _refuse_entity
        parser.ExternalEntityRefHandler = _refuse_entity
        parser.StartDoctypeDeclHandler = _check_doctype
        return parser

    def _taken(self) -> list[list[Any]]:
        rows, self.rows, self.gathered = self.rows, [], 0
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            problem = f"elements lie deeper than {DEEPEST} in each other"
            raise _RefusedError(problem)
        if not self.open and name != self.row_tag:
            return
        node = _Node({key.casefold(): value for key, value in attributes.items()})
        self._count(sum(map(len, attributes.values())))
        if self.open:
            self.open[-1].children.setdefault(name.casefold(), []).append(node)
        self.open.append(node)

    def _end(self, _name: str) -> None:
        self.depth -= 1
        if not self.open:
            return
        node = self.open.pop()
        if not self.open:
            self.rows.append(self.shaper.row(node))
            self.gathered += self.characters
            self.characters = 0

    def _characters(self, text: str) -> None:
        if self.open:
            self._count(len(text))
            self.open[-1].texts.append(text)

    def _count(self, characters: int) -> None:
        # An element costs memory too, however little it holds.
        self.characters += characters + 64
        if self.characters > LARGEST_ROW_CHARACTERS:
            problem = f"a row is larger than {LARGEST_ROW_CHARACTERS // 2**20} MiB"
            raise _RefusedError(problem)

    def _refuse(self, problem: str) -> NoReturn:
        raise ExternalDataError.met(
            self.source.name, self.file.uri, problem, "move the file away, or mend it"
        )


def _refuse_entity(*_: object) -> NoReturn:
    problem = "it declares an entity, which is refused: an entity may grow without end, or name a file"
    raise _RefusedError(problem)


def _check_doctype(_name: str, system: str | None, public: str | None, _subset: int) -> None:
    if system or public:
        problem = "it names a document type of another file, which is never opened"
        raise _RefusedError(problem)


class _Shaper:
    """Gives elements the shape of the table's columns, with text at the leaves.

    What has to be decided of a column is decided once, and kept as a function.
    """

    def __init__(self, source: ExternalSource) -> None:
        self.options: ReadOptions = source.options
        self._fields = [self._field(f) for f in source.data_fields]

    def row(self, node: _Node) -> list[Any]:
        """Return the values of a row."""
        return [field(node) for field in self._fields]

    def _field(self, wanted: Field) -> _Getter:
        """Return what finds the value of a field in the element that holds it."""
        name = wanted.name.casefold()
        prefix = self.options.attribute_prefix.casefold()
        if name == self.options.value_tag.casefold():
            return lambda node: node.text or None
        of_children = self._of_children(wanted)
        if prefix and not name.startswith(prefix):
            return of_children
        attribute = name.removeprefix(prefix)

        def either(node: _Node) -> Any:  # noqa: ANN401 - the shape of its type
            found = node.attributes.get(attribute)
            # Without a prefix, an element counts before an attribute of its name.
            if found is None or not prefix:
                child = of_children(node)
                return found if child is None else child
            return found

        return either

    def _of_children(self, wanted: Field) -> _Getter:
        name, kind = wanted.name.casefold(), wanted.type
        if isinstance(kind, Array):
            element = self._one(kind.element)

            def listed(node: _Node) -> Any:  # noqa: ANN401
                held = node.children.get(name)
                return None if held is None else [element(one) for one in held]

            return listed
        only = self._only(wanted.name, kind)

        def single(node: _Node) -> Any:  # noqa: ANN401
            held = node.children.get(name)
            return None if held is None else only(held)

        return single

    def _only(self, name: str, kind: Type) -> Callable[[list[_Node]], Any]:
        """Return what takes the value of an element that may occur once."""
        value, lenient = self._one(kind), self.options.null_for_invalid

        def taken(nodes: list[_Node]) -> Any:  # noqa: ANN401
            if len(nodes) == 1:
                return value(nodes[0])
            if lenient:
                return None
            problem = f"the element {name} occurs {len(nodes)} times in a row, and its column is {kind}"
            raise _RefusedError(problem)

        return taken

    def _one(self, kind: Type) -> _Getter:
        """Return what gives one element the shape of a type."""
        match kind:
            case Struct(fields):
                parts = [(f.name, self._field(f)) for f in fields]
                return lambda node: {name: part(node) for name, part in parts}
            case Map(_, value) if isinstance(value, Array):
                element = self._one(value.element)
                return lambda node: [
                    (key, [element(one) for one in held]) for key, held in node.children.items()
                ]
            case Map(_, value):
                taken = self._only("of a map", value)
                return lambda node: [(key, taken(held)) for key, held in node.children.items()]
            case Array(inner):
                one = self._one(inner)
                return lambda node: [one(n) for held in node.children.values() for n in held]
            case _:
                return lambda node: node.text


_Getter = Callable[[_Node], Any]
