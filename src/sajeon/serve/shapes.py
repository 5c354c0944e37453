"""Requests and answers. What they say stands in the documentation and in messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from .settings import MAX_K

_Id: TypeAlias = Annotated[StrictInt, Field(ge=0)]
_SomeIds: TypeAlias = Annotated[list[_Id], Field(fail_fast=True)]
_SomeTokens: TypeAlias = Annotated[list[StrictStr], Field(fail_fast=True)]
Ids: TypeAlias = Annotated[list[_Id], Field(fail_fast=True, min_length=1)]
Texts: TypeAlias = Annotated[list[StrictStr], Field(fail_fast=True, min_length=1)]
ManyIds: TypeAlias = Annotated[list[_SomeIds], Field(fail_fast=True, min_length=1)]
ManyTokens: TypeAlias = Annotated[list[_SomeTokens], Field(fail_fast=True, min_length=1)]
Numbers: TypeAlias = Annotated[list[float], Field(fail_fast=True, min_length=1)]


class Asked(BaseModel):
    """A request. ``true`` is no number, NaN none either, and an unknown field a mistake."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    model: str | None = Field(
        None, description="the name of a model, which may be left out where there is only one"
    )

    @classmethod
    def expected(cls) -> dict[str, str]:
        """Return what may stand in each field."""
        return {name: field.description or "" for name, field in cls.model_fields.items()}


class EmbeddingsAsked(Asked):
    """Texts, or what they were cut into already."""

    input: str | Texts | Ids | ManyIds | ManyTokens = Field(
        description="a text, a list of texts, a list of token ids, or a list of lists of token ids "
        "or of tokens, not empty",
        examples=["the cat sat"],
    )
    encoding_format: Literal["float", "base64"] = Field(
        "float", description='"float" for numbers, "base64" for the bytes of little-endian float32'
    )
    dimensions: int | None = Field(
        None,
        ge=1,
        description="a whole number from 1 to the model's dim: so many numbers are kept, the "
        "first, and scaled to length 1",
    )
    user: str | None = Field(None, description="any text; it is not looked at")


class NearestAsked(Asked):
    """What to find neighbours of."""

    query: str | Texts | Numbers = Field(
        description="a token, a list of tokens, which stand for the mean of their vectors, or a "
        "vector",
        examples=["cat"],
    )
    k: int = Field(10, ge=1, le=MAX_K, description=f"a whole number from 1 to {MAX_K}: how many")
    negative: str | _SomeTokens = Field(
        default_factory=list, description="a token or a list of tokens to be far from"
    )
    restrict: int | None = Field(
        None,
        ge=1,
        description="a whole number from 1: look among so many of the most frequent tokens only",
    )


class AnalogyAsked(Asked):
    """A is to b as c is to what."""

    a: str = Field(description="a token", examples=["man"])
    b: str = Field(description="a token: what a is to", examples=["king"])
    c: str = Field(description="a token: what the answer is to", examples=["woman"])
    k: int = Field(5, ge=1, le=MAX_K, description=f"a whole number from 1 to {MAX_K}: how many")
    method: Literal["add", "mul"] = Field("add", description='"add" (3CosAdd) or "mul" (3CosMul)')
    restrict: int | None = Field(
        None,
        ge=1,
        description="a whole number from 1: look among so many of the most frequent tokens only",
    )


class SimilarityAsked(Asked):
    """What to compare."""

    a: str | Numbers = Field(description="a token or a vector", examples=["cat"])
    b: str | Numbers = Field(description="a token or a vector", examples=["dog"])


class VectorAsked(Asked):
    """What to look up."""

    tokens: str | Texts = Field(description="a token or a list of tokens", examples=[["cat"]])


class Answered(BaseModel):
    """An answer. Only documentation: the endpoints write JSON themselves, which is faster."""

    model_config = ConfigDict(extra="forbid")


class EmbeddingAnswered(Answered):
    """The vector of one text."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class UsageAnswered(Answered):
    """How many tokens the texts had, those without a vector included."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswered(Answered):
    """Vectors in the order of the texts."""

    object: Literal["list"]
    data: list[EmbeddingAnswered]
    model: str
    usage: UsageAnswered


class ModelAnswered(Answered):
    """A model: when it was made (seconds since 1970), how many tokens, numbers of a vector."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    tokens: int
    dim: int


class ModelsAnswered(Answered):
    """All models."""

    object: Literal["list"]
    data: list[ModelAnswered]


class ScoredAnswered(Answered):
    """A token and how near it is; by the method "mul" a score."""

    token: str
    cosine: float


class NearestAnswered(Answered):
    """Tokens, the nearest first."""

    model: str
    data: list[ScoredAnswered]


class SimilarityAnswered(Answered):
    """A cosine."""

    model: str
    cosine: float


class TokenVectorAnswered(Answered):
    """A token and its vector."""

    token: str
    vector: list[float]


class VectorAnswered(Answered):
    """Vectors in the order of the tokens."""

    model: str
    data: list[TokenVectorAnswered]


class StateAnswered(Answered):
    """A model, and what keeps a newer one on disk from being taken up, or null."""

    id: str
    problem: str | None


class HealthAnswered(Answered):
    """Whether all models are those on disk. The models are listed for those who may ask them."""

    status: Literal["ok", "degraded"]
    models: list[StateAnswered] | None = None


class ErrorDetail(Answered):
    """What is wrong: a sentence, the field, a name of the mistake, near spellings of a token."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str | None
    suggestions: list[str] | None = None


class ErrorAnswered(Answered):
    """An error, in OpenAI's shape."""

    error: ErrorDetail


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswered, "description": "The request is wrong"},
    401: {"model": ErrorAnswered, "description": "The API key is missing or wrong"},
    404: {"model": ErrorAnswered, "description": "There is no such model or token"},
    413: {"model": ErrorAnswered, "description": "The body is too large"},
}
