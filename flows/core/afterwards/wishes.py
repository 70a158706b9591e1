"""What may be wanted of files whose import is over: a value, nothing else."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


class Afterwards(BaseModel):
    """What happens to the files."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    imported: Literal["keep", "move", "delete"] = Field(
        default="keep", description="Once OMERO holds the same bytes: left, moved to `imported/`, or deleted."
    )
    delay_hours: float = Field(default=0, ge=0, le=87_600, description="Hours between the import and that.")
    failed: Literal["leave", "move"] = Field(
        default="leave", description="What failed for good: left, or moved to `failed/` with a .reason.txt."
    )
