"""Sound pages and feeds, broken at random: cut, doubled, with bytes and markup in the wrong places."""

import random

TOKENS = (
    b"<",
    b">",
    b"</",
    b"&",
    b"&#x0;",
    b"&#55296;",
    b"&#x110000;",
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<!DOCTYPE ",
    b"<script>",
    b"</script>",
    b'"',
    b"'",
    b"=",
    b"<svg>",
    b"<math>",
    b"<template>",
    b"<p>",
    b"<div>",
    b"xmlns:a='",
    b"<?xml ",
    b"encoding='utf-16'",
    b"charset=utf-7",
    b"<meta charset=x-user-defined>",
    b"{",
    b"[",
    b"\\ud800",
    b"<base href='//'>",
    b"1e999",
    b"<select><option>",
    b"<frameset>",
    b"<plaintext>",
)
CONTENT_TYPES = (
    None, "text/html", "text/xml", "text/html; charset=utf-8", "text/html; charset=utf-16", "text/xml; charset=bogus",
    "text/html; charset=iso-2022-jp", "text/html;charset=hz", "text/xml; charset=idna", 'text/html; charset="',
)  # fmt: skip


def broken(sound: bytes, seed: int) -> tuple[bytes, str | None]:
    """A broken copy, and a content type to serve it with."""
    source = random.Random(seed)
    body = bytearray(sound)
    for _ in range(source.randrange(1, 12)):
        first = source.randrange(len(body) + 1)
        end = min(len(body), first + source.randrange(1, 60))
        match source.choice(["token", "token", "double", "byte", "remove", "cut"]):
            case "token":
                body[first:first] = source.choice(TOKENS) * source.choice([1, 1, 1, 3, 50])
            case "double":
                body[first:first] = body[first:end] * source.choice([1, 2, 20])
            case "byte":
                body[first:end] = bytes([source.randrange(256)])
            case "remove":
                del body[first:end]
            case "cut" if first > len(body) // 2:
                del body[first:]
    return bytes(body), source.choice(CONTENT_TYPES)
