"""Which InputFormat, OutputFormat and SerDe Glue gives to files of each format. Pure data.

Whoever makes entries of external tables takes these from here: crawlers, declared tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.model import SerDe

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT_IN = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
LAZY_SIMPLE_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV_SERDE = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
ORC_SERDE = "org.apache.hadoop.hive.ql.io.orc.OrcSerde"
AVRO_SERDE = "org.apache.hadoop.hive.serde2.avro.AvroSerDe"
GROK_SERDE = "com.amazonaws.glue.serde.GrokSerDe"
REGEX_SERDE = "org.apache.hadoop.hive.serde2.RegexSerDe"


@dataclass(frozen=True, slots=True)
class GlueFormat:
    """The classes that read and write files of one format."""

    input_format: str
    output_format: str
    library: str

    def serde(self, parameters: Mapping[str, str]) -> SerDe:
        """Return the SerDe with its settings."""
        return SerDe(library=self.library, parameters=dict(parameters))


_HIVE = "org.apache.hadoop.hive.ql.io"
FORMATS: dict[str, GlueFormat] = {
    "json": GlueFormat(_TEXT_IN, _TEXT_OUT, JSON_SERDE),
    "csv": GlueFormat(_TEXT_IN, _TEXT_OUT, LAZY_SIMPLE_SERDE),
    # Values in quotes.
    "quoted csv": GlueFormat(_TEXT_IN, _TEXT_OUT, OPEN_CSV_SERDE),
    "parquet": GlueFormat(
        f"{_HIVE}.parquet.MapredParquetInputFormat",
        f"{_HIVE}.parquet.MapredParquetOutputFormat",
        PARQUET_SERDE,
    ),
    "orc": GlueFormat(f"{_HIVE}.orc.OrcInputFormat", f"{_HIVE}.orc.OrcOutputFormat", ORC_SERDE),
    "avro": GlueFormat(
        f"{_HIVE}.avro.AvroContainerInputFormat",
        f"{_HIVE}.avro.AvroContainerOutputFormat",
        AVRO_SERDE,
    ),
    # Glue's crawlers leave these empty: no SerDe of Hive's reads XML.
    "xml": GlueFormat("", "", ""),
    # Lines that a grok expression takes apart, or a regular expression.
    "grok": GlueFormat(_TEXT_IN, _TEXT_OUT, GROK_SERDE),
    "log": GlueFormat(_TEXT_IN, _TEXT_OUT, REGEX_SERDE),
    # As Glue writes a Delta table that is read natively.
    "delta": GlueFormat(
        "org.apache.hadoop.mapred.SequenceFileInputFormat",
        f"{_HIVE}.HiveSequenceFileOutputFormat",
        LAZY_SIMPLE_SERDE,
    ),
}
