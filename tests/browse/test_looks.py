"""Screens of all kinds: without colours, without Unicode, small and large."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.browse.screen import Screen, browsing

PANES = "3", "i down", "escape 2", "5", "question_mark", "escape g escape", "!", "escape 6", "4 tab end"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("looks") / "looks.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "a", data=np.random.default_rng(1).normal(size=(300, 400)), chunks=(10, 10)
        )
        data.attrs.update({"units": "°C", "long_name": "température · 漢字", "many": np.arange(300)})
        file["ß"] = h5py.SoftLink("/nowhere")
        for number in range(60):
            file[f"group/µ{number:03}"] = number
    return path


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (200, 60), (30, 9)])
def test_a_terminal_without_unicode_gets_none(file: Path, size: tuple[int, int]) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("j")
        for keys in PANES:
            text = await screen.press(*keys.split())
            assert text.isascii(), [line for line in text.split("\n") if not line.isascii()]
            assert all(len(line) <= size[0] for line in text.split("\n"))
        await screen.press("escape", "j", "j", "enter", "G")
        assert screen.text.isascii()

    browsing(file, steps, size, unicode=False)


def test_pieces_stay_as_wide_as_they_were() -> None:
    from rich.cells import cell_len
    from rich.segment import Segment

    from h5s3.render.screen.ascii import ascii_segments

    texts = ["╭──╮ 漢字 … 5 °C ≤ ½ µm ▸", "plain", "▃▏x", "ﬀ é 🙂"]
    for text, found in zip(texts, ascii_segments(map(Segment, texts)), strict=True):
        assert found.text.isascii() and cell_len(found.text) == cell_len(text)


@pytest.mark.slow
@pytest.mark.parametrize("wish", ["1", ""])
def test_without_colours_there_are_none(file: Path, monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setenv("NO_COLOR", wish)
    if not wish:
        monkeypatch.delenv("NO_COLOR")

    async def steps(screen: Screen) -> None:
        await screen.press("j", "3", "i")
        colors = {
            segment.style.color.name
            for strip in screen.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.color is not None
        }
        assert (colors <= {"default"}) == bool(wish), colors
        assert screen.app.side.drawing.canvas is not None

    browsing(file, steps)
