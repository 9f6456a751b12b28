"""Execute the pages that the cache does not know yet on all cores, before Sphinx reads them.

MyST-NB executes pages one after the other, as it reads them. Here they are executed side by side by
the cache's own parallel executor, and MyST-NB then finds every page in the cache. A page that
fails is left to MyST-NB, which executes it again and reports the error where it belongs.
"""

import logging
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

READER = {"type": "plugin", "name": "myst_nb_md"}


def execute_pages(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute those of the pages to be read that have code and are not in the cache."""
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    pages = [Path(env.doc2path(name)) for name in docnames]
    pages = [page for page in pages if is_myst_markdown_notebook(page.read_text("utf-8"))]
    # They are executed in this order. A long page that comes last would keep one core alone.
    pages.sort(key=lambda page: page.stat().st_size, reverse=True)
    records = [cache.add_nb_to_project(str(page), read_data=READER) for page in pages]
    waiting = cache.list_unexecuted(filter_pks=[record.pk for record in records])
    if len(waiting) < 2:
        return
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.ERROR)  # MyST-NB will say what failed
    executor = load_executor("local-parallel", cache, logger)
    executor.run_and_cache(
        filter_pks=[record.pk for record in waiting], timeout=app.config.nb_execution_timeout
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the above."""
    app.connect("env-before-read-docs", execute_pages)
    return {"parallel_read_safe": True}
