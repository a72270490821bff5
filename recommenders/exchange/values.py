"""From what a file holds to typed columns: times, numbers, text. What can't be converted becomes null."""

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

TIME = pa.timestamp("us", "UTC")
_NAIVE = pa.timestamp("us")
_NANOSECONDS = pa.timestamp("ns", "UTC")


def as_text(column: pa.Array) -> pa.Array:
    """Text without white space around it; empty text is null, and a whole number is written without a point."""
    if not pa.types.is_string(column.type):
        if pa.types.is_floating(column.type):
            whole = as_integers(column)
            column = whole if whole.null_count == column.null_count else column
        column = column.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def as_integers(column: pa.Array) -> pa.Array:
    """int64 of text or of whole numbers."""
    return _converted(column, pa.int64())


def as_floats(column: pa.Array) -> pa.Array:
    """float64, finite."""
    numbers = _converted(column, pa.float64())
    return pc.if_else(pc.is_finite(numbers), numbers, None)


def as_times(column: pa.Array) -> pa.Array:
    """Microseconds since 1970 UTC, of ISO 8601 (without a zone: UTC), of unix seconds, or of a time of any zone."""
    if pa.types.is_date(column.type):
        return column.cast(_NAIVE).cast(TIME)
    if pa.types.is_timestamp(column.type):
        precise = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return precise.cast(TIME) if column.type.tz else pc.assume_timezone(precise, "UTC")
    if not pa.types.is_string(column.type):
        return _from_unix(column)
    times, rest = pa.nulls(len(column), TIME), pc.is_valid(column)
    for form, convert in _FORMS.items():
        written_so = pc.and_(rest, pc.fill_null(pc.match_substring_regex(column, form), False))
        if pc.any(written_so).as_py():
            times = pc.replace_with_mask(times, written_so, convert(column.filter(written_so)))
            rest = pc.and_not(rest, written_so)
    return times


def as_time(moment: dt.datetime) -> pa.Scalar:
    """An aware datetime as a value to compare times with."""
    return pa.scalar(moment, TIME)


def _from_zoned(column: pa.Array) -> pa.Array:
    return _converted(column, TIME)


def _from_naive(column: pa.Array) -> pa.Array:
    return pc.assume_timezone(_converted(column, _NAIVE), "UTC")


def _from_nanoseconds(column: pa.Array) -> pa.Array:
    return _converted(column, _NANOSECONDS).cast(TIME, safe=False)


def _from_unix(column: pa.Array) -> pa.Array:
    """Unix seconds, whole or with a fraction, in the years 1 to 9999."""
    seconds = as_floats(column)
    seconds = pc.if_else(pc.less(pc.abs(seconds), 2.5e11), seconds, None)
    return pc.round(pc.multiply(seconds, 1e6)).cast(pa.int64()).cast(TIME)


# How a time may be written, and what reads it. Told apart by their form, because a failed conversion is slow.
_FORMS = {
    r"^[-+]?\d+(\.\d*)?([eE][-+]?\d+)?$": _from_unix,
    r"\.\d{7,}(Z|[-+]\d\d:?(\d\d)?)$": _from_nanoseconds,
    r"(Z|:.*[-+]\d\d:?(\d\d)?)$": _from_zoned,
    r"": _from_naive,
}


def _converted(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """The column cast to `wanted`, with null where a value can't be: all at once, else halves of halves."""
    if pa.types.is_nested(column.type) or pa.types.is_temporal(column.type):
        return pa.nulls(len(column), wanted)
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(column) == 1:
            return pa.nulls(1, wanted)
    half = len(column) // 2
    return pa.concat_arrays([_converted(column.slice(0, half), wanted), _converted(column.slice(half), wanted)])
