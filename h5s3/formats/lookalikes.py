"""What an object or a prefix that no format here knows looks like, and what reads it."""

from __future__ import annotations

from h5s3.errors import DamagedError, NotFoundError

OBJECTS = {  # by the first bytes
    b"<!do": ("an HTML page", "the URL may lead to a login or an error page"),
    b"<htm": ("an HTML page", "the URL may lead to a login or an error page"),
    b"<?xm": ("an XML document", "it may be an error message of a server"),
    b"CDF\x01": ("a NetCDF-3 file (classic format), not NetCDF-4", "ncdump and xarray read it"),
    b"CDF\x02": ("a NetCDF-3 file (64-bit offset), not NetCDF-4", "ncdump and xarray read it"),
    b"CDF\x05": ("a NetCDF-3 file (CDF-5), not NetCDF-4", "ncdump and xarray read it"),
    b"\x0e\x03\x13\x01": ("an HDF4 file", "convert it with h4toh5, or read it with pyhdf"),
    b"PK\x03\x04": ("a zip archive", "unpack it first"),
    b"\x1f\x8b": ("a gzip file", "decompress it first"),
    b"MATL": ("a MATLAB file older than version 7.3", "scipy.io.loadmat reads it"),
    b"SIMP": ("a FITS file", "astropy reads it"),
}


def unknown_format(start: bytes) -> DamagedError:
    """The error for an object that begins with these bytes, which no format here knows."""
    if not start:
        return DamagedError("the object is empty")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, (what, reader) in OBJECTS.items():
        if (text if magic.startswith(b"<") else start).startswith(magic):
            return DamagedError(f"not an HDF5 file but {what}", hint=reader)
    return DamagedError("not an HDF5 file (no HDF5 signature)")


def unknown_prefix(kind: str, command: str) -> NotFoundError:
    """The error for a prefix or a directory (`kind`) that no format here knows. `command` lists it."""
    return NotFoundError(f"a {kind}, not a file", hint=f"try: {command}")
