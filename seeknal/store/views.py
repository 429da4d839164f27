"""Views: symlinks that show a generation under the paths that people know.

Decides what a symlink says. Views carry no information: they are made anew from the generation when they are not right.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from seeknal.store.disk import Disk
from seeknal.store.layout import VIEW_FOLDERS, TargetLayout


def link_text(path: str, link: str, home: str) -> str:
    """What a symlink at `link` says to show `path`: relative inside of `home`, absolute outside, so both can move."""
    if os.path.commonpath([path, home]) == home:
        return os.path.relpath(path, os.path.dirname(link))
    return path


def wanted(shown: Mapping[str, str], folder: str, home: str) -> dict[str, str]:
    """Link path -> link text: `shown` maps a view's path to the file that it shows below `folder`."""
    links = {os.path.join(folder, *view.split("/")): path for view, path in shown.items()}
    return {link: link_text(path, link, home) for link, path in links.items()}


def are_right(links: Mapping[str, str], folder: str) -> bool:
    """Whether the folder holds exactly these symlinks."""
    found = {
        os.path.join(root, name)
        for root, folders, names in os.walk(folder)
        for name in (*names, *(name for name in folders if os.path.islink(os.path.join(root, name))))
    }
    return found == set(links) and all(_text(link) == text for link, text in links.items())


def _text(link: str) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        return None


def show(disk: Disk, layout: TargetLayout, env: str, folder: str, links: Mapping[str, str]) -> None:
    """Make `folder` show these links, then flip the environment's views to it."""
    if not are_right(links, folder):
        build_folder(disk, folder, links, VIEW_FOLDERS)
    flip(disk, layout, env, folder)


def build_folder(disk: Disk, folder: str, links: Mapping[str, str], inside: Iterable[str] = ()) -> None:
    """Create a folder that shows these links, and has the folders `inside`, under a private name; move it into place."""
    fresh = f"{folder}.{os.getpid()}.new"
    disk.remove_folder(fresh)
    for name in inside:
        disk.make_folder(os.path.join(fresh, name))
    for link, text in links.items():
        path = os.path.join(fresh, os.path.relpath(link, folder))
        disk.make_folder(os.path.dirname(path))
        disk.link(text, path)
    if os.path.lexists(folder):
        old = f"{folder}.{os.getpid()}.old"
        disk.remove_folder(old)
        disk.move(folder, old)
        disk.move(fresh, folder)
        disk.remove_folder(old)
    else:
        disk.move(fresh, folder)


def flip(disk: Disk, layout: TargetLayout, env: str, folder: str) -> None:
    """Point the environment at `folder` by one rename."""
    pointer = layout.pointer(env)
    disk.make_folder(os.path.dirname(pointer))
    for name in VIEW_FOLDERS:
        _ensure(disk, layout.view(env, name), f"current/{name}")
    text = os.path.relpath(folder, os.path.dirname(pointer))
    if _text(pointer) != text:
        disk.flip(text, pointer)


def _ensure(disk: Disk, link: str, text: str) -> None:
    if _text(link) == text:
        return
    if os.path.lexists(link) and not os.path.islink(link):
        disk.move(link, f"{link}.before-seeknal-{os.getpid()}")  # a folder of another tool: kept, out of the way
    disk.flip(text, link)


def are_shown(layout: TargetLayout, env: str, folder: str) -> bool:
    """Whether the environment's symlinks lead to `folder`."""
    pointer = layout.pointer(env)
    if _text(pointer) != os.path.relpath(folder, os.path.dirname(pointer)):
        return False
    return all(_text(layout.view(env, name)) == f"current/{name}" for name in VIEW_FOLDERS)
