"""A request that OMERO's bulk file makes: the file, and whatever else an import can be asked."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from api.models import NewImport
from flows.core.requests import SourcePath

SAID_BY_THE_FILE = ("sources", "table", "table_text", "unmatched_rows")
OF_THE_FILE = ("file", "text", "folder", "files")
Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


def _without_what_the_file_says(schema: dict[str, Any]) -> None:
    for name in SAID_BY_THE_FILE:
        schema["properties"].pop(name, None)
    schema["required"] = [name for name in schema.get("required", ()) if name not in SAID_BY_THE_FILE]
    if not schema["required"]:
        del schema["required"]


class BulkImport(NewImport):
    """An import that OMERO's bulk-import file describes; what that does not say may be said here."""

    model_config = ConfigDict(json_schema_extra=_without_what_the_file_says)

    sources: list[SourcePath] = Field(default_factory=list)
    file: SourcePath | None = Field(
        default=None,
        description="The bulk file (YAML or JSON), below one of your folders. Give either this or `text`.",
        examples=["/data/alice/today/bulk.yml"],
    )
    text: Text | None = Field(
        default=None, description="The content of one, instead.", examples=["path: files.tsv\ncolumns: [name, path]\n"]
    )
    folder: SourcePath | None = Field(
        default=None,
        description="Where the names in `text` begin that are no whole paths.",
        examples=["/data/alice/today"],
    )
    files: dict[Annotated[str, StringConstraints(min_length=1, max_length=4096)], str] = Field(
        default_factory=dict,
        max_length=20,
        description="Contents of the files that it names in `include` and `path`, by these names; others are read.",
        examples=[{"files.tsv": "First\tcells.ome.tiff\n"}],
    )

    @model_validator(mode="after")
    def _says_which_file(self) -> Self:
        if (self.file is None) == (self.text is None):
            raise ValueError("give either file or text")
        if self.file is not None and self.folder is not None:
            raise ValueError("names begin in the folder of the file: leave out folder")
        if said := [name for name in SAID_BY_THE_FILE if name in self.model_fields_set]:
            raise ValueError(f"the bulk file says what is imported: leave out {', '.join(said)}")
        return self
