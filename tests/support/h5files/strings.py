"""Generated files: strings, and the names nobody should give but somebody has."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from h5py import h5g, h5t

from tests.support.h5files.registry import (
    fixture_file,
    group_plist,
    new_file,
    raw_attribute,
    raw_dataset,
    string_type,
)

CSETS = {"ascii": h5t.CSET_ASCII, "utf8": h5t.CSET_UTF8}
PADS = {"nullterm": h5t.STR_NULLTERM, "nullpad": h5t.STR_NULLPAD, "spacepad": h5t.STR_SPACEPAD}
CONTROL = (
    "line one\nline two\r\ttab \x1b[31mred\x1b[0m \u202eright to left\u202c \u2066isolated\u2069 \x07\x7f"
)
MARKUP = "[red]x[/red] [/foo] [bold] [link=https://example.org]y[/link] \\[escaped] :smile:"


@fixture_file
def fixed_strings(path: Path) -> None:
    """Fixed-length strings: each padding with each character set, short, full and empty."""
    fill = {"nullterm": b"\0", "nullpad": b"\0", "spacepad": b" "}
    with new_file(path) as file:
        for cset, text in (("ascii", b"abcd"), ("utf8", "añ€".encode())):
            for pad, blank in fill.items():
                type_id = string_type(7, CSETS[cset], PADS[pad])
                values = [text, b"", text[:1], b"1234567"[: 6 if pad == "nullterm" else 7]]
                data = b"".join(value.ljust(7, blank) for value in values)
                raw_dataset(file, f"{cset}_{pad}", type_id, (4,), data)
        raw_dataset(file, "one_byte", string_type(1), (3,), b"a\0b")
        raw_dataset(file, "long", string_type(5000, pad=h5t.STR_NULLPAD), (), b"long " * 1000)
        raw_dataset(
            file, "cut_in_a_character", string_type(4, h5t.CSET_UTF8, h5t.STR_NULLPAD), (), "ab€".encode()[:4]
        )


@fixture_file
def variable_strings(path: Path) -> None:
    """Variable-length strings of both character sets, scalar, empty, long, in 2-D and never written."""
    with new_file(path) as file:
        for name, cset in (("ascii", "ascii"), ("utf8", "utf-8")):
            values = ["first", "", "x" * 300] if name == "ascii" else ["первый", "", "日本語" * 100]
            kind = h5py.string_dtype(cset)
            file.create_dataset(name, data=np.array(values, dtype=object), dtype=kind)
            file.create_dataset(f"{name}_scalar", data=values[0], dtype=kind)
            file.create_dataset(f"{name}_never_written", shape=(3,), dtype=kind)
        grid = np.array([["a", "b"], ["c", "d"]], dtype=object)
        file.create_dataset("grid", data=grid, dtype=h5py.string_dtype(), chunks=(1, 2), maxshape=(None, 2))
        file.create_dataset("large", data="0123456789" * 7000, dtype=h5py.string_dtype())
        for pad, value in PADS.items():
            raw_dataset(file, f"declared_{pad}", string_type(None, pad=value), (2,))


@fixture_file
def empty_strings(path: Path) -> None:
    """Nothing but empty strings, in data and in attributes."""
    with new_file(path) as file:
        raw_dataset(file, "fixed", string_type(4), (2,), bytes(8))
        file.create_dataset("variable", data=["", ""], dtype=h5py.string_dtype())
        file.create_dataset("no_elements", shape=(0,), dtype=h5py.string_dtype())
        file.attrs["variable"] = ""
        file.attrs["null"] = h5py.Empty("S4")
        raw_attribute(file, "fixed", string_type(1), (), b"\0")


@fixture_file
def non_utf8_data(path: Path) -> None:
    """Bytes that are no UTF-8 in strings of both kinds, declared ASCII and declared UTF-8."""
    latin = "é°µ".encode("latin-1")
    with new_file(path) as file:
        for name, cset in CSETS.items():
            raw_dataset(
                file,
                f"fixed_{name}",
                string_type(4, cset, h5t.STR_NULLPAD),
                (2,),
                latin + b"\0" + b"\xff\xfeok",
            )
            raw_attribute(file, f"fixed_{name}", string_type(3, cset, h5t.STR_NULLPAD), (), latin)
            kind = h5py.string_dtype("ascii" if name == "ascii" else "utf-8")
            values = np.array([latin, b"ok", b"\x80\xed\xa0\x80"], dtype=object)
            file.create_dataset(f"variable_{name}", data=values, dtype=kind)
            file.attrs.create(f"variable_{name}", values, dtype=kind)


@fixture_file
def non_utf8_names(path: Path) -> None:
    """Names of groups, datasets and attributes that are no UTF-8."""
    with new_file(path) as file:
        group = h5py.Group(h5g.create(file.id, b"gr\xfcn", gcpl=group_plist()))
        raw_dataset(group, b"\xff\xfe", h5t.STD_I32LE, (2,), bytes(8))
        dataset = raw_dataset(file, b"temp\xe9rature", h5t.IEEE_F64LE, (2,), bytes(16))
        raw_attribute(dataset, b"unit\xe9", string_type(2), (), b"\xb0C")
        raw_attribute(file, b"\xc3(", h5t.STD_I8LE, (), b"\x01")
        file.id.links.create_soft(b"soft\xe9", b"temp\xe9rature")
        file.id.links.create_external(b"ext\xe9", b"miss\xe9.h5", b"/d\xe9")


@fixture_file
def nul_bytes(path: Path) -> None:
    """NUL bytes inside fixed strings, which their padding says nothing about."""
    with new_file(path) as file:
        for name, pad in PADS.items():
            raw_dataset(file, name, string_type(6, pad=pad), (2,), b"a\0b\0c\0\0abcd\0")
            raw_attribute(file, name, string_type(4, pad=pad), (), b"x\0y\0")


@fixture_file
def control_characters(path: Path) -> None:
    """Newlines, ESC sequences and bidirectional overrides in names, attributes and data."""
    with new_file(path) as file:
        group = file.create_group(CONTROL)
        group.attrs[CONTROL] = CONTROL
        dataset = group.create_dataset("\n", data=[CONTROL, CONTROL[::-1]], dtype=h5py.string_dtype())
        dataset.attrs["\x1b]0;title\x07"] = CONTROL
        file["soft\n"] = h5py.SoftLink(f"/{CONTROL}\n")
        file["external\x1b[2J"] = h5py.ExternalLink("no\x1b[2Jfile.h5", "/\n")
        fields = np.dtype([("a\nb", "<i4"), ("\x1b[1m", "<i4")])
        file["fields"] = np.zeros(2, dtype=fields)
        enum = h5py.enum_dtype({"\x1b[5mblink": 1}, basetype="i1")
        file.create_dataset("enum", data=np.ones(2, "i1"), dtype=enum)


@fixture_file
def markup_names(path: Path) -> None:
    """Names and values that look like the markup of a terminal library; a slash in a name makes a group."""
    with new_file(path) as file:
        file.create_group("[red]x[/red]")
        file.create_group("[/foo]")
        for name in ("[bold]", "]", "[]", "\\[", "[link=x]", ":smile:", "{x}", "<b>", "%(x)s", "#anchor"):
            file[name] = np.arange(2)
        for name in ("[/foo]", "[red]x[/red]", "[/]", "a/b"):
            file.attrs[name] = MARKUP
        file.create_dataset("text", data=[MARKUP, "[/]"], dtype=h5py.string_dtype())
        file["fields"] = np.zeros(1, dtype=[("[red]", "<i4"), ("[/foo]", "<f4")])


@fixture_file
def long_names(path: Path) -> None:
    """A link, an attribute and a field, each with a name of 5,000 characters."""
    with new_file(path) as file:
        name = "n" * 5000
        file[name] = np.arange(3)
        file[name].attrs[name] = "long"
        file.create_group("ö" * 2500).create_group(name)
        file["fields"] = np.zeros(1, dtype=[(name, "<i4")])


@fixture_file
def odd_names(path: Path) -> None:
    """Names like path components, with spaces, percent signs, two normal forms, numbers, options."""
    names = [
        "..",
        "...",
        ".hidden",
        "a.b",
        " ",
        "  lead",
        "trail ",
        "a b",
        "100%",
        "%2F",
        "%20",
        "a\\b",
        "c:\\d",
    ]
    names += [
        "ü",
        "u\u0308",
        "日本語",
        "🙂",
        "\u200b",
        "\ufeffbom",
        "-option",
        "--help",
        "~",
        "$HOME",
        "*",
        "?",
        "'",
        '"',
    ]
    names += [
        "0",
        "-1",
        "1e3",
        "None",
        "true",
        "a,b",
        "a;b",
        "a:b",
        "a@b",
        "a=b",
        "x[0]",
        "x[1:2]",
        "|",
        "&",
        "`",
    ]
    with new_file(path) as file:
        for number, name in enumerate(names):
            group = file.create_group(name)
            group.create_dataset(name, data=number)
            group.attrs[name] = name
