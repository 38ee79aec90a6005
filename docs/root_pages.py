"""A hook of MkDocs: files of the repository's root become pages of the site, and no page fetches anything."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# File of the root → its address in the site.
PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "CITATION.cff": "CITATION.cff",
}
FETCHED = re.compile(r"<(?:script|img|iframe|link rel=\"(?:stylesheet|preconnect)\")[^>]*\"(?:https?:)?//[^>]*>")
LINK = re.compile(r"\]\(([^)#\s:]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the root."""
    for name, address in PLACES.items():
        files.append(File.generated(config, address, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at addresses of the site; they are written as they lead in the repository, for who reads it there."""
    from_root = page.file.src_uri in PLACES.values()

    def address(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join("" if from_root else "docs", link[1]))
        inner = PLACES.get(place, place.removeprefix("docs/"))
        return f"]({inner}{link[2] or ''})"

    return LINK.sub(address, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that a reader without a network would not see whole.

    Raises:
        PluginError: It has a script, style, picture or frame of another host.
    """
    if fetched := FETCHED.search(output):
        found = f"got {fetched[0]}; put the file into docs/, or leave out what asks for it"
        raise PluginError(f"{page.file.src_uri}: expected nothing from another host, {found}")
    return output
