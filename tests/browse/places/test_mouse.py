"""The mouse: rows, signs, wheels, names of panes, the trail, tabs, what may follow."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widget import Widget

from tests.browse.screen import Screen, browsing

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["a/b/counts"] = [[number, 2 * number] for number in range(500)]
        file["c"] = [7, 8, 9]
        for number in range(60):
            file[f"s_{number:02}"] = number
    return tmp_path / "run.h5"


async def click(screen: Screen, widget: Widget, x: int, y: int, times: int = 1) -> str:
    await screen.pilot.click(widget, offset=(x, y), times=times)
    await screen.settled()
    return screen.text


async def wheel(screen: Screen, widget: Widget, down: bool) -> None:
    kind = MouseScrollDown if down else MouseScrollUp
    at = widget.region.offset + (3, 3)
    event = kind(None, at.x, at.y, 0, 0, 0, False, False, False, screen_x=at.x, screen_y=at.y)
    screen.app.post_message(event)
    await screen.settled()


def test_the_mouse_in_the_tree(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        tree = screen.app.tree_view
        text = await click(screen, tree, 8, 1)
        assert tree.row.item.name == "a" and tree.row.state == "closed" and "/a  group" in text
        await click(screen, tree, 8, 1)  # once more, but not twice in a row
        assert tree.row.state == "closed"
        await click(screen, tree, 2, 1)  # its sign
        assert tree.row.state == "open" and "▸ b/" in screen.text
        await click(screen, tree, 8, 2, times=2)
        assert tree.row.item.name == "b" and tree.row.state == "open" and "counts" in screen.text
        await click(screen, tree, 3, 1)
        assert tree.row.item.name == "a" and tree.row.state == "closed" and "counts" not in screen.text
        text = await click(screen, tree, 8, 2, times=2)
        assert screen.app.side.pane == "table" and screen.app.side.grid.has_focus and "row 0 of 3" in text
        await click(screen, tree, 8, 3)
        assert tree.has_focus and tree.row.item.name == "s_00"
        before = tree.scroll_offset.y
        await wheel(screen, tree, down=True)
        assert tree.scroll_offset.y > before and tree.row.item.name == "s_00"
        await click(screen, tree, 8, 5)  # of what is in sight now
        assert tree.row.item.name == tree.outline.shown[tree.scroll_offset.y + 5].item.name != "s_02"
        await wheel(screen, tree, down=False)
        assert tree.scroll_offset.y == before

    browsing(file, steps, size=(100, 24))


def test_the_mouse_beside_the_tree(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        app = screen.app
        line = (await screen.press("g", "=/a/b/counts")).splitlines()[1]
        begin = app.side.bar.region.x
        for name in ("values", "plot", "layout", "attributes", "meta", "table"):
            shown = name if name in line else name[:4]
            await click(screen, app.side.bar, line.index(shown) - begin + 1, 0)
            assert app.side.pane == name
        await click(screen, app.side.grid, 14, 6)
        assert app.side.grid.has_focus and app.side.grid.row > 0
        for _ in range(3):
            await wheel(screen, app.side.grid, down=True)
        assert app.side.grid.row > 8
        trail = screen.text.splitlines()[0]
        await click(screen, app.crumbs, trail.index("› a ") + 2, 0)
        assert app.item.path == "/a" and app.tree_view.has_focus
        await screen.press("t")
        assert "2/2 " in screen.text
        await click(screen, app.crumbs, 2, 0)
        assert app.tab == 0 and "1/2 " in screen.text

    browsing(file, steps, size=(120, 24))


def test_the_mouse_chooses_what_may_follow(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        prompt = screen.app.prompt
        await screen.press("g", *"/s_")
        await click(screen, prompt.choices, 9, 1)
        wide = prompt.choices._grid(prompt.choices.size.width)[0]
        assert prompt.typed.value == f"/s_{wide + 1:02}" and prompt.typed.has_focus
        await click(screen, prompt.choices, 2, 0)
        assert prompt.typed.value == "/s_00"
        await screen.press("enter")
        assert screen.app.item.path == "/s_00"

    browsing(file, steps, size=(80, 24))
