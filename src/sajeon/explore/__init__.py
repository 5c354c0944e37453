"""Vectors to look at: a page in the browser, a saved page, a picture for a paper.

`subject.py` is the model that is looked at; `layout.py`, `tsne.py` and `clusters.py` place its
words on a map; `lookup.py`, `training.py`, `arithmetic.py` and `comparing.py` compute what the
views show; `api.py` answers the page's questions, which `server.py` takes and `saving.py` asks
ahead of time. `page/` is the page: HTML, CSS and JavaScript modules, served as they stand.
"""
