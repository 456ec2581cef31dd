"""What the documentation's site needs beyond Markdown: links to source files, the API's page, and diagrams.

`mkdocs.yml` names this file; MkDocs calls the functions `on_…`. What goes wrong is logged as a warning, which fails a
strict build.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from markdown.extensions.toc import slugify
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

LOG = logging.getLogger("mkdocs.hooks.site")
ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SOURCE = "source"  # where pages of source files are in the site
FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1 *$", re.M | re.S)
LINK = re.compile(r"(?P<before>\]\(|^ {0,3}\[[^\]]+\]: +)(?P<target>\.\./[^)\s#]+)(?:#(?P<anchor>[^)\s]+))?", re.M)
LANGUAGES = {".py": "python", ".sql": "sql", ".md": "markdown", ".toml": "toml", ".yml": "yaml", ".js": "javascript"}
MERMAID = "vendor/mermaid.min.js"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the API's page, and a page for each source file that a page links to."""
    files.append(File.generated(config, "api.md", content=render_api(json.loads((DOCS / "openapi.json").read_text()))))
    linked = {path for page in files.documentation_pages() for _, path in find_source_links(page) if path.exists()}
    for path in sorted(linked):
        files.append(File.generated(config, source_page(path), content=render_source(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links that leave docs/ to the pages of those files."""
    if page.file.src_uri.startswith(f"{SOURCE}/"):
        return markdown
    for match, path in reversed(list(find_source_links(page.file))):
        if not path.exists():
            LOG.warning("%s links to %s, which does not exist", page.file.src_uri, match["target"])
            continue
        anchor = match["anchor"]
        if anchor and anchor not in heading_anchors(path):
            LOG.warning("%s links to #%s, which %s does not have", page.file.src_uri, anchor, match["target"])
        target = os.path.relpath(source_page(path), Path(page.file.src_uri).parent)
        markdown = markdown.replace(match[0], f"{match['before']}{Path(target).as_posix()}")
    return markdown


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Gives pages with diagrams our own copy of Mermaid; the theme would load it from another origin."""
    if 'class="mermaid"' not in output:
        return output
    script = f'<script src="{get_relative_url(MERMAID, page.url)}"></script>'
    return output.replace("</head>", f"{script}</head>", 1)


def find_source_links(file: File) -> Iterator[tuple[re.Match[str], Path]]:
    """The links of a page that leave docs/, with the files that they name."""
    if file.generated_by:
        return
    for match in LINK.finditer(FENCE.sub("", file.content_string)):
        path = (DOCS / file.src_uri).parent.joinpath(unquote(match["target"])).resolve()
        if not path.is_relative_to(DOCS):
            yield match, path


def source_page(path: Path) -> str:
    """The page of a source file, or of a folder, within the site."""
    return f"{SOURCE}/{path.relative_to(ROOT).as_posix()}.md"


def render_source(path: Path) -> str:
    """A source file as Markdown, outside of the search; of a folder, the names of its files."""
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        text = "\n".join(sorted(one.name for one in path.iterdir() if not one.name.startswith((".", "__pycache__"))))
    else:
        text = path.read_text(encoding="utf-8")
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall(r"^ *(`{3,})", text, re.M))])
    language = LANGUAGES.get(path.suffix, "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# `{name}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def heading_anchors(path: Path) -> set[str]:
    """The anchors that the headings of a Markdown file have; none of any other file."""
    if path.suffix != ".md":
        return set()
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.M)
    return {slugify(re.sub(r"[`*]|\]\([^)]*\)", "", heading), "-") for heading in headings}


def render_api(document: dict[str, Any]) -> str:
    """The operations of an OpenAPI document as tables, one for each tag."""
    tables: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            row = f"| `{method.upper()}` | `{path}` | {operation['summary']} |"
            tables.setdefault(operation["tags"][0], []).append(row)
    parts = ["# API", document["info"]["description"]]
    parts.append(
        "This page is made from [openapi.json](openapi.json), which says every field. A service shows it at `/docs`."
    )
    for tag, rows in tables.items():
        parts.append("\n".join([f"## {tag}\n", "| method | path | what it does |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"
