"""What the figures of a benchmark come to, in sentences."""

from __future__ import annotations

from h5s3.explore.bench.samples import one_of
from h5s3.records import UNSET, Bench, Samples
from h5s3.render.bench.figures import figure, ms
from h5s3.sizes import binary_text

STEPS = {"dns_p50": "DNS", "tcp_p50": "TCP", "tunnel_p50": "the proxy's tunnel", "tls_p50": "TLS"}


def conclusions(doc: Bench) -> list[str]:
    """A sentence each on new connections, order, repeated reads and this machine's own cost."""
    found = [_opening(doc), _new(doc), _in_order(doc), _again(doc), _own_cost(doc)]
    return [sentence for sentence in found if sentence]


def _opening(doc: Bench) -> str:
    """Which step of opening a connection takes how long."""
    connects = [samples for samples in doc.samples if samples.operation == "connect" and samples.p50]
    if not connects:
        return ""
    values = {word: getattr(connects[0], name) for name, word in STEPS.items()}
    parts = [f"{word} {ms(value)}" for word, value in values.items() if value is not UNSET]
    first, looked_up = connects[0].warm_up_seconds, connects[0].warm_up_dns_seconds
    told = [] if first is UNSET else [f"the first time {ms(first)}"]
    told += [] if looked_up is UNSET else [f"{ms(looked_up)} of it for DNS"]
    if connects[0].dns_p50 is UNSET:
        told.append("no DNS, as the host is an address")
    if connects[0].tls_p50 is UNSET:
        told.append("no TLS")
    through = connects[0].tunnel_p50 is not UNSET
    words = "; ".join([*told, *(["name and TCP are those of the web proxy"] if through else [])])
    return f"opening a connection: {', '.join(parts)} ms" + (f" ({words})" if words else "")


def _times(one: Samples | None, other: Samples | None, what: str, than: str) -> str:
    """How many times as long one kind of read takes as the other, if there are both."""
    if not (one and other and one.p50 and other.p50):
        return ""
    ratio = figure(one.p50 / other.p50, "")
    medians = f"{ms(one.p50)} against {ms(other.p50)} ms for {binary_text(one.size)}"
    return f"{what} {ratio} times as long {than}: {medians}"


def _new(doc: Bench) -> str:
    new = one_of(doc.samples, new=True)
    reused = one_of(doc.samples, new.size) if new else None
    found = _times(new, reused, "a read on a new connection takes", "as on a reused one")
    saved = (new.p50 or 0) - (reused.p50 or 0) if new and reused else 0
    return f"{found}, so each reuse saves {ms(saved)} ms" if found and saved > 0 else found


def _in_order(doc: Bench) -> str:
    """Of the largest size: there reading ahead would show."""
    series = [s for s in doc.samples if s.pattern == "sequential" and s.p50]
    inorder = max(series, key=lambda samples: samples.size, default=None)
    scattered = one_of(doc.samples, inorder.size) if inorder else None
    return _times(inorder, scattered, "sequential reads take", "as at random places")


def _again(doc: Bench) -> str:
    first, again = one_of(doc.samples, pattern="first"), one_of(doc.samples, pattern="second")
    return _times(again, first, "reading a place again takes", "as the first time")


def _own_cost(doc: Bench) -> str:
    read = one_of(doc.samples)
    if read is None or read.cpu_seconds_per_request is None:
        return ""
    own = ms(read.cpu_seconds_per_request)
    return f"this machine spends {own} ms of processor time on each read of {binary_text(read.size)}"
